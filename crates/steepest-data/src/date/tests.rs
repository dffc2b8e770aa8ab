use super::DateFormat::*;
use super::*;
use proptest::prelude::*;

fn day(iso: &str) -> f64 {
    parse(iso, &YearMonthDay).unwrap_or_else(|| panic!("{iso}"))
}

fn decided(cells: &[&str]) -> Decided {
    decide(cells.iter().copied(), None, 0)
}

#[test]
fn iso_dates_as_days() {
    for (written, days) in [
        ("1970-01-01", 0.0),
        ("1970-01-02T12:00", 1.5),
        ("1969/12/31", -1.0),
        ("2000-02-29", 11_016.0),
        ("0001-01-01", -719_162.0),
        ("2026-11-22 06:00:00Z", 20_779.25),
        ("2026-11-22T08:00:00.000+02:00", 20_779.25),
        ("2026-11-22T08:00:00.0009999999999999999999999+02:00", 20_779.25),
        ("2026-11-22T03:30:00-0230", 20_779.25),
        ("2026-11-22T23:59:60", 20_780.0),
    ] {
        assert_eq!(parse(written, &YearMonthDay), Some(days), "{written}");
    }
    for wrong in [
        "2026-02-30",
        "2025-02-29",
        "1900-02-29",
        "2026-13-01",
        "0000-01-01",
        "01/02/2026",
        "26-11-22",
        "2026-11/22",
        "2026-11-22T",
        "2026-11-22T25:00",
        "2026-11-22T24:01",
        "2026-11-22T10:00+1",
        "2026-11-22T10:00Z+01:00",
        "2026-11-22x",
        "2026-11-22 x",
        "2026-11",
        "2026",
        "20261122",
        "ü026-11-2",
        "",
    ] {
        assert_eq!(parse(wrong, &YearMonthDay), None, "{wrong}");
    }
}

#[test]
fn each_format_reads_what_it_is() {
    // every cell with the format of a column of such cells, and its date
    for (format, cells) in [
        (
            YearMonthDay,
            &[
                ("2024-3-7", "2024-03-07"),
                ("2024/03/07 9:05", "2024-03-07T09:05"),
                ("2024.03.07", "2024-03-07"),
                ("2024. 03. 17.", "2024-03-17"),
                ("2024-03-07T24:00", "2024-03-08"),
                ("2024-03-07 01:03:04,5 PM", "2024-03-07T13:03:04.500"),
                ("2024-03-07T13:03+01:00[Europe/Berlin]", "2024-03-07T12:03"),
                ("2024-03-07 13:03:00 +0000 UTC", "2024-03-07T13:03"),
            ][..],
        ),
        (
            DayMonthYear,
            &[
                ("03/11/2023", "2023-11-03"),
                ("3.11.2023", "2023-11-03"),
                ("13-11-2023 14:30", "2023-11-13T14:30"),
                ("13/11/23", "2023-11-13"),
                ("13/11/69", "1969-11-13"),
                ("13.11.68", "2068-11-13"),
                ("3. 11. 2023", "2023-11-03"),
                ("13/11/2023, 1:03:00 p.m.", "2023-11-13T13:03"),
            ][..],
        ),
        (MonthDayYear, &[("3/14/24", "2024-03-14"), ("03-14-2024 12:30 AM", "2024-03-14T00:30")][..]),
        (ShortYearMonthDay, &[("98/03/11", "1998-03-11"), ("24-03-11 10:00", "2024-03-11T10:00")][..]),
        (
            MonthName,
            &[
                ("3-Mar-2024", "2024-03-03"),
                ("3-Mar-24", "2024-03-03"),
                ("03MAR2024", "2024-03-03"),
                ("Jan 3, 2024", "2024-01-03"),
                ("January 3 2024", "2024-01-03"),
                ("3rd of March, 2024", "2024-03-03"),
                ("Sept. 3, 2024 1:05\u{202f}PM", "2024-09-03T13:05"),
                ("Wed, 3 Jan 2024 10:00:00 GMT", "2024-01-03T10:00"),
                ("Wednesday, January 3rd, 2024", "2024-01-03"),
                ("Wed Jan  3 13:03:00 2024", "2024-01-03T13:03"),
                ("Wed Jan 03 13:03:00 +0200 2024", "2024-01-03T11:03"),
                ("03/Nov/2023:13:03:00 +0000", "2023-11-03T13:03"),
                ("Sun Nov 03 2024 13:03:00 GMT+0100 (CET)", "2024-11-03T12:03"),
                ("2024-Mar-03", "2024-03-03"),
                ("3. März 2024", "2024-03-03"),
                ("3. MÄRZ 2024", "2024-03-03"),
                ("3. Ma\u{308}rz 2024", "2024-03-03"),
                ("Di, 3. Dez. 2024", "2024-12-03"),
                ("1er août 2024", "2024-08-01"),
                ("mar. 3 janv. 2023", "2023-01-03"),
                ("3 de enero de 2024", "2024-01-03"),
            ][..],
        ),
        (
            Month,
            &[
                ("2024-11", "2024-11-01"),
                ("2024/11", "2024-11-01"),
                ("Nov 2024", "2024-11-01"),
                ("3/2024", "2024-03-01"),
            ][..],
        ),
        (MonthShortYear, &[("Nov-99", "1999-11-01"), ("Nov '24", "2024-11-01")][..]),
        (
            Quarter,
            &[
                ("2024-Q1", "2024-01-01"),
                ("2024Q4", "2024-10-01"),
                ("Q2 2024", "2024-04-01"),
                ("2024 q3", "2024-07-01"),
            ][..],
        ),
        (
            Week,
            &[
                ("2024-W07", "2024-02-12"),
                ("2024-W07-3", "2024-02-14"),
                ("2024W073", "2024-02-14"),
                ("2020-W53-7", "2021-01-03"),
            ][..],
        ),
        (
            TimeOfDay,
            &[
                ("00:00", "1970-01-01"),
                ("13:03", "1970-01-01T13:03"),
                ("13:03:00.25", "1970-01-01T13:03:00.250"),
                ("1:03 PM", "1970-01-01T13:03"),
                ("12 AM", "1970-01-01"),
                ("24:00", "1970-01-02"),
                ("01:00+02:00", "1970-01-01T23:00"),
            ][..],
        ),
        (
            Compact,
            &[
                ("20241103", "2024-11-03"),
                ("20241103130300", "2024-11-03T13:03"),
                ("20241103T130300", "2024-11-03T13:03"),
                ("20241103T1303Z", "2024-11-03T13:03"),
                ("20241103 13:03", "2024-11-03T13:03"),
            ][..],
        ),
        (EpochSeconds, &[("1701100000", "2023-11-27T15:46:40"), ("1701100001", "2023-11-27T15:46:41")][..]),
        (
            EpochMilliseconds,
            &[("1701100000001", "2023-11-27T15:46:40.001"), ("1701100000000", "2023-11-27T15:46:40")][..],
        ),
    ] {
        for (cell, expected) in cells {
            assert_eq!(parse(cell, &format), Some(day(expected)), "{cell}");
        }
        let cells: Vec<&str> = cells.iter().map(|(cell, _)| *cell).collect();
        assert_eq!(decided(&cells), Decided::Format(format), "{cells:?}");
    }
}

#[test]
fn what_is_no_date() {
    for cells in [
        &[][..],
        &["1.2.3", "10.4.2"],
        &["10.11.12", "10.12.13"],
        &["1-2-24", "3-4-24"],
        &["2023.1.2", "2023.3.1"],
        &["192.168.1.1"],
        &["1998", "2024"],
        &["2024-13-01"],
        &["30/02/2024"],
        &["2010-11", "2011-12"],
        &["4711-03", "4712-03"],
        &["2024-001", "2024-002"],
        &["2024-Q5"],
        &["2024-W54"],
        &["16:9", "4:3"],
        &["25:10"],
        &["13:00 PM"],
        &["Mar-24", "Apr-24"],
        &["May", "June"],
        &["Paris", "Rome"],
        &["Fri 13:03", "Mon 13:04"],
        &["Mon 1701100000", "Mon 1701100001"],
        &["20241103", "20241103"],
        &["1234567890123456789", "1234567890123456780"],
        &["03/11/0023"],
        &["2024-11-03", "13:03"],
        &["0000-00-00"],
    ] {
        assert_eq!(decided(cells), Decided::No, "{cells:?}");
    }
}

#[test]
fn the_column_decides_the_order() {
    let ambiguous = Decided::Ambiguous { day_first: DayMonthYear, month_first: MonthDayYear };
    let undecided = ["03/11/2023", "09/07/2023"];
    let with = |more: &'static str| undecided.into_iter().chain([more]);
    assert_eq!(decided(&undecided), ambiguous);
    assert_eq!(decide(with("13/02/2024"), None, 0), Decided::Format(DayMonthYear));
    assert_eq!(decide(with("02/13/2024"), None, 0), Decided::Format(MonthDayYear));
    // a certain date beside them decides nothing
    assert_eq!(decide(with("2024-02-13"), None, 0), ambiguous);
    for (order, format) in [(DateOrder::DayFirst, DayMonthYear), (DateOrder::MonthFirst, MonthDayYear)] {
        assert_eq!(decide(undecided.into_iter(), Some(order), 0), Decided::Format(format));
        // the column knows better than what is said about it
        assert_eq!(decide(with("13/02/2024"), Some(order), 0), Decided::Format(DayMonthYear));
    }
    assert_eq!(decide(undecided.into_iter(), Some(DateOrder::YearFirst), 0), ambiguous);
    // the same dates either way
    assert_eq!(decided(&["01/01/2023", "02/02/2023"]), Decided::Format(DayMonthYear));
    // nobody writes the month first with points, unless a cell proves it
    assert_eq!(decided(&["03.11.2023", "09.07.2023"]), Decided::Format(DayMonthYear));
    assert_eq!(decided(&["03.11.23", "09.07.23"]), Decided::Format(DayMonthYear));
    assert_eq!(decided(&["03.11.2023", "09.27.2023"]), Decided::Format(MonthDayYear));
}

#[test]
fn evidence_for_both_orders_is_shown() {
    let both = ["03/11/2023", "13/02/2024", "02/14/2024"];
    let mixed = Decided::Mixed {
        day_first_example: "13/02/2024".to_owned(),
        month_first_example: "02/14/2024".to_owned(),
    };
    assert_eq!(decided(&both), mixed);
    // strays are allowed, but two proofs against one leave the rest uncertain
    assert_eq!(decide(both.into_iter().chain(["15/02/2024"]), None, 3), mixed);
    let many = std::iter::repeat_n("13/02/2024", 20);
    assert_eq!(decide(both.into_iter().chain(many.clone()), None, 1), Decided::Format(DayMonthYear));
    assert_eq!(decide(both.into_iter().chain(many), None, 0), mixed);
}

#[test]
fn years_of_two_digits_may_come_first() {
    let ambiguous = Decided::Ambiguous { day_first: DayMonthYear, month_first: MonthDayYear };
    assert_eq!(decided(&["03/11/04", "98/03/11"]), Decided::Format(ShortYearMonthDay));
    assert_eq!(decided(&["13/11/04", "03/11/98"]), Decided::Format(DayMonthYear));
    // days spread, years do not
    assert_eq!(decided(&["02/11/23", "30/11/24", "17/07/24"]), Decided::Format(DayMonthYear));
    // 23 November 2001 or 1 November 2023
    let either = ["23/11/01", "24/11/15", "25/11/30"];
    assert_eq!(decided(&either), ambiguous);
    assert_eq!(decide(either.into_iter(), Some(DateOrder::YearFirst), 0), Decided::Format(ShortYearMonthDay));
    assert_eq!(decide(either.into_iter(), Some(DateOrder::DayFirst), 0), Decided::Format(DayMonthYear));
    // the first of each year for many years is not a day of each month of 2001
    let firsts: Vec<String> = (1..25).map(|year| format!("01/06/{year:02}")).collect();
    assert_eq!(decide(firsts.iter().map(String::as_str), None, 0), ambiguous);
}

#[test]
fn strays_are_allowed_up_to_a_number() {
    let dates = ["2024-01-01", "2024-01-02", "2024-01-03", "0000-00-00"];
    for stray in ["tomorrow", "2024-02-30", "13:03", "03/11/2023"] {
        let cells = || dates.into_iter().chain([stray]);
        assert_eq!(decide(cells(), None, 1), Decided::Format(YearMonthDay), "{stray}");
        assert!(!matches!(decide(cells(), None, 0), Decided::Format(_)), "{stray}");
    }
    // a certain date in another order is none
    assert_eq!(decide(dates.into_iter().chain(["13/11/2023"]), None, 0), Decided::Format(DayMonthYear));
    // one of two is no stray
    assert_eq!(decide(["2024-01-01", "tomorrow"].into_iter(), None, 1), Decided::No);
}

#[test]
fn a_column_of_texts_is_given_up_soon() {
    let read = std::cell::Cell::new(0);
    let cells = (0..1000).inspect(|_| read.set(read.get() + 1)).map(|_| "Paris");
    assert_eq!(decide(cells, None, 3), Decided::No);
    assert_eq!(read.get(), 4);
}

#[test]
fn dates_of_zeros() {
    for zero in [
        "0000-00-00",
        "0000-00-00 00:00:00",
        "0000/00/00",
        "00/00/0000",
        "00.00.0000",
        "0000-00-00T00:00:00.000Z",
    ] {
        assert!(is_zero(zero), "{zero}");
    }
    for other in [
        "",
        "0",
        "00000000",
        "0000000000",
        "0000-00-01",
        "00-00-00",
        "0000-00-00 00:00:01",
        "0000-00/00",
        "00é00é0000",
    ] {
        assert!(!is_zero(other), "{other}");
    }
}

#[test]
fn a_cell_in_another_order_is_told_from_one_that_is_no_date() {
    assert!(reads_otherwise("17/07/2023", &MonthDayYear));
    assert!(reads_otherwise("07/17/2023", &DayMonthYear));
    assert!(reads_otherwise("17/07/2023", &YearMonthDay));
    assert!(reads_otherwise("03/11/23", &YearMonthDay));
    for (cell, format) in [
        ("07/09/2023", MonthDayYear),
        ("30/02/2023", MonthDayYear),
        ("2023-07-17", MonthDayYear),
        ("n/a", MonthDayYear),
        ("17/07/2023", TimeOfDay),
    ] {
        assert!(!reads_otherwise(cell, &format), "{cell} {format}");
    }
}

#[test]
fn numbers_that_are_dates() {
    let no_number = f64::NAN;
    for (values, name, format) in [
        (&[20_241_103.0, no_number, 20_240_709.0][..], "a", Some(Compact)),
        (&[20_241_103_130_300.0, 20_240_709_000_000.0], "a", Some(Compact)),
        (&[20_241_103.0, 20_241_103.0], "date", None),
        (&[20_241_103.0, 20_241_131.0], "date", None),
        (&[18_991_231.0, 20_241_103.0], "a", None),
        (&[1998.0, 2024.0], "year", None),
        (&[1_701_100_000.0, 1_700_700_000.0], "f", Some(EpochSeconds)),
        (&[1_701_100_000_000.0, 1_700_700_000_000.0], "f", Some(EpochMilliseconds)),
        (&[1_701_100_000.5, 1_700_700_000.0], "f", None),
        (&[1_701_100_000.5, 1_700_700_000.0], "event_time", Some(EpochSeconds)),
        (&[701_100_000.0, 1_700_700_000.0], "f", None),
        (&[701_100_000.0, 1_700_700_000.0], "createdAt", Some(EpochSeconds)),
        (&[701_100_000.0, 1_700_700_000.0], "sentiment", None),
        (&[1_601_234_567.0, 1_701_234_567.0], "phone", None),
        (&[1_601_234_567.0, 1_701_234_567.0], "customer_id", None),
        (&[1.7011e18, 1.7012e18], "f", None),
        (&[1.7011e18, 1.7012e18], "ts", Some(EpochNanoseconds)),
        (&[1.7011e15, 1.7012e15], "updated at", Some(EpochMicroseconds)),
        // times that something took
        (&[301_100_000.0, 1_700_700_000.0], "cpu_time_ns", None),
        (&[1.7011e12, 1.7012e12], "time_ms", Some(EpochMilliseconds)),
        (&[1_701_100_000.0, f64::INFINITY], "ts", None),
        (&[no_number], "ts", None),
    ] {
        assert_eq!(decide_numbers(values, name), format, "{name} {values:?}");
    }
    assert_eq!(from_number(1_701_100_000.25, &EpochSeconds), Some(day("2023-11-27T15:46:40.250")));
    assert_eq!(from_number(20_241_103.0, &Compact), Some(day("2024-11-03")));
    for (number, format) in [
        (20_241_103.5, Compact),
        (-1.0, Compact),
        (1e300, EpochSeconds),
        (f64::INFINITY, EpochSeconds),
        (1.0, Week),
    ] {
        assert_eq!(from_number(number, &format), None, "{number} {format}");
    }
}

#[test]
fn parts_of_a_date() {
    let friday = Parts { year: 2024, month: 3, day: 1, weekday: 4, day_of_year: 61, hour_fraction: 13.5 };
    assert_eq!(parts(day("2024-03-01T13:30")), Some(friday));
    assert_eq!(
        parts(-0.25).map(|parts| (parts.year, parts.day_of_year, parts.hour_fraction)),
        Some((1969, 365, 18.0))
    );
    for outside in [f64::NAN, f64::INFINITY, -1e300, day("9999-12-31") + 1.0, day("0001-01-01") - 1.0] {
        assert_eq!(parts(outside), None, "{outside}");
    }
}

#[test]
fn what_encoders_hold_stays() {
    let words = [
        (YearMonthDay, "year_month_day"),
        (DayMonthYear, "day_month_year"),
        (MonthDayYear, "month_day_year"),
        (ShortYearMonthDay, "short_year_month_day"),
        (MonthName, "month_name"),
        (Month, "month"),
        (MonthShortYear, "month_short_year"),
        (Quarter, "quarter"),
        (Week, "week"),
        (TimeOfDay, "time_of_day"),
        (Compact, "compact"),
        (EpochSeconds, "epoch_seconds"),
        (EpochMilliseconds, "epoch_milliseconds"),
        (EpochMicroseconds, "epoch_microseconds"),
        (EpochNanoseconds, "epoch_nanoseconds"),
    ];
    for (format, word) in words {
        assert_eq!(serde_json::to_value(format).expect("a word"), word);
        assert_eq!(serde_json::from_value::<DateFormat>(word.into()).expect("a format"), format);
    }
}

fn any_format() -> impl Strategy<Value = DateFormat> {
    proptest::sample::select(vec![
        YearMonthDay,
        DayMonthYear,
        MonthDayYear,
        ShortYearMonthDay,
        MonthName,
        Month,
        MonthShortYear,
        Quarter,
        Week,
        TimeOfDay,
        Compact,
        EpochSeconds,
        EpochNanoseconds,
    ])
}

proptest! {
    #[test]
    fn a_written_date_reads_back(milliseconds in -60_000_000_000_000i64..250_000_000_000_000, format in any_format()) {
        let days = calendar::days(milliseconds);
        let format = if format == TimeOfDay { YearMonthDay } else { format };
        prop_assert_eq!(parse(&text(days, Some(&format)), &format), Some(days));
        prop_assert_eq!(text(days, None), text(days, Some(&format)));
    }

    #[test]
    fn a_written_time_of_day_reads_back(milliseconds in 0..=calendar::MILLISECONDS_PER_DAY) {
        let days = calendar::days(milliseconds);
        prop_assert_eq!(parse(&text(days, Some(&TimeOfDay)), &TimeOfDay), Some(days));
    }

    #[test]
    fn parts_agree_with_the_text(milliseconds in -60_000_000_000_000i64..250_000_000_000_000) {
        let days = calendar::days(milliseconds);
        let parts = parts(days).expect("a date of the calendar");
        let text = text(days, None);
        let date = format!("{:04}-{:02}-{:02}", parts.year, parts.month, parts.day);
        prop_assert!(text.starts_with(&date), "{}", text);
        let first = day(&format!("{:04}-01-01", parts.year));
        prop_assert_eq!(f64::from(parts.day_of_year), days.floor() - first + 1.0);
        // 1970-01-01 was a Thursday
        prop_assert_eq!(f64::from(parts.weekday), (days.floor() + 3.0).rem_euclid(7.0));
    }

    #[test]
    fn no_text_panics(text in "(.{0,32})|([0-9]{1,4}[-/. :][0-9a-zäQW]{1,4}[-/. :T]?[0-9]{0,20}[ 0-9:+.,APM\\[\\]-]{0,12})", format in any_format()) {
        let _ = parse(&text, &format);
        let _ = reads_otherwise(&text, &format);
        let _ = is_zero(&text);
        let _ = decide(std::iter::once(text.as_str()), None, 0);
    }

    #[test]
    fn no_number_panics(value in proptest::num::f64::ANY, name in ".{0,12}", format in any_format()) {
        let _ = text(value, Some(&format));
        let _ = from_number(value, &format);
        let _ = parts(value);
        let _ = decide_numbers(&[value, value / 2.0], &name);
    }

    #[test]
    fn what_decide_allows_is_read(texts in proptest::collection::vec("[0-3]?[0-9][/.-][01]?[0-9][/.-](20)?[0-9]{2}", 1..12), allowed in 0usize..4) {
        let cells = texts.iter().map(String::as_str);
        if let Decided::Format(format) = decide(cells.clone(), None, allowed) {
            let strays = cells.filter(|cell| parse(cell, &format).is_none()).count();
            prop_assert!(strays <= allowed, "{} {:?}", format, texts);
        }
    }
}
