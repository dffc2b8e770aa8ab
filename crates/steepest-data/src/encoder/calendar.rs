//! Dates as features: where on the line of time, and where in the year, the month, the week and the day.

use std::f64::consts::TAU;

use super::scale::Scale;
use crate::date;

/// What a network gets of a date.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct Calendar {
    /// The days since 1970 as a number; `None` where they hardly differ.
    trend: Option<Scale>,
    /// What varies in training, two features each.
    cycles: Vec<Cycle>,
}

/// Something that begins again. A circle, sine and cosine, has December beside January.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum Cycle {
    /// The day of the year.
    Year,
    /// The day of the month.
    Month,
    /// The day of the week.
    Week,
    /// The time of the day.
    Day,
}

impl Cycle {
    const ALL: [Self; 4] = [Self::Year, Self::Month, Self::Week, Self::Day];

    fn name(self) -> &'static str {
        match self {
            Self::Year => "year",
            Self::Month => "month",
            Self::Week => "week",
            Self::Day => "day",
        }
    }

    /// How far the cycle has come, 0 to 1.
    fn phase(self, parts: &date::Parts) -> f64 {
        match self {
            Self::Year => (f64::from(parts.day_of_year) - 1.0) / 366.0,
            Self::Month => (f64::from(parts.day) - 1.0) / 31.0,
            Self::Week => f64::from(parts.weekday) / 7.0,
            Self::Day => parts.hour_fraction / 24.0,
        }
    }

    /// What has to differ between rows for the cycle to be worth two features.
    fn step(self, parts: &date::Parts) -> u32 {
        match self {
            Self::Year => u32::from(parts.month),
            Self::Month => u32::from(parts.day),
            Self::Week => u32::from(parts.weekday),
            // minutes, so that nothing hangs on rounding
            Self::Day => (parts.hour_fraction * 60.0).round() as u32,
        }
    }
}

impl Calendar {
    /// From known days, not all equal. `None` if nothing varies.
    pub(super) fn fit(known: Vec<f64>) -> Option<Self> {
        let parts: Vec<date::Parts> = known.iter().filter_map(|&days| date::parts(days)).collect();
        let varies = |cycle: &Cycle| parts.windows(2).any(|two| cycle.step(&two[0]) != cycle.step(&two[1]));
        let cycles: Vec<Cycle> = Cycle::ALL.into_iter().filter(varies).collect();
        let trend = Scale::fit(known);
        (trend.is_some() || !cycles.is_empty()).then_some(Self { trend, cycles })
    }

    /// Whether tails are squashed.
    pub(super) fn squashes(&self) -> bool {
        self.trend.as_ref().is_some_and(Scale::squashes)
    }

    /// Whether [`Calendar::fit`] can have made it.
    pub(super) fn is_sane(&self) -> bool {
        self.width() > 0 && self.trend.as_ref().is_none_or(Scale::is_sane)
    }

    /// Number of features.
    pub(super) fn width(&self) -> usize {
        usize::from(self.trend.is_some()) + 2 * self.cycles.len()
    }

    /// The names of the features.
    pub(super) fn names(&self, column: &str) -> Vec<String> {
        let trend = self.trend.iter().map(|_| column.to_owned());
        let cycles = self.cycles.iter().flat_map(|cycle| {
            ["sin", "cos"].map(|wave| format!("{column} ({} of the {})", wave, cycle.name()))
        });
        trend.chain(cycles).collect()
    }

    /// Writes the features of a known date.
    pub(super) fn encode(&self, days: f64, out: &mut [f32]) {
        let mut rest = out;
        if let Some(trend) = &self.trend {
            rest[0] = trend.apply(days);
            rest = &mut rest[1..];
        }
        // a date beyond the calendar has no place in a cycle
        let Some(parts) = date::parts(days) else { return };
        for (cycle, pair) in self.cycles.iter().zip(rest.chunks_mut(2)) {
            let (sin, cos) = (cycle.phase(&parts) * TAU).sin_cos();
            pair.copy_from_slice(&[sin as f32, cos as f32]);
        }
    }
}
