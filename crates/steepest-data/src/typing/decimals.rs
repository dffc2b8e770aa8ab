//! Columns that the reader holds as decimals: most of all columns, and nothing is left to decide about most of them.

use super::context::{Context, Typed};
use super::dates;
use super::missing::is_missing_value;
use crate::error::Kind;
use crate::read::decimals::Decimals;
use crate::table::Values;
use crate::written::{Decimal, Expected, Notation, Thousands, Written};

/// The numbers, where they are beyond doubt: what the general way through their text gives, without it.
pub(super) fn decide(held: &Decimals, expected: Option<&Expected>, context: &Context<'_>) -> Option<Typed> {
    let asked = context.conventions;
    let other_marks = |decimal: Option<Decimal>, thousands: Option<Thousands>| {
        decimal == Some(Decimal::Comma) || thousands == Some(Thousands::Point)
    };
    let fractions = held.fractions();
    // 1.500 may be a thousand and a half, 1.1 and 1.10 may be codes
    let doubtful = (!context.commas_separate && fractions.any && !fractions.other_than_three)
        || (expected.is_none() && fractions.two_lengths && fractions.end_in_zero)
        || other_marks(asked.decimal, asked.thousands)
        || !held.others().iter().all(|other| is_missing_value(other));
    if doubtful {
        return None;
    }
    let decimal = fractions.any.then_some(Decimal::Point);
    let notation = Notation { decimal, thousands: None, places: fractions.places, percent: false };
    let numbers = || held.to_f64(|_, _| f64::NAN);
    match expected {
        // numbers may be dates
        None => Some(dates::infer_numbers(numbers(), Some(notation), context)),
        Some(Expected { kind: Kind::Number, written: None }) => {
            Some(Typed::new(Values::Number(numbers()), Written::Number(notation)))
        }
        Some(Expected { kind: Kind::Number, written: Some(Written::Number(trained)) })
            if !trained.percent && !other_marks(trained.decimal, trained.thousands) =>
        {
            Some(Typed::new(Values::Number(numbers()), Written::Number(*trained)))
        }
        Some(_) => None,
    }
}
