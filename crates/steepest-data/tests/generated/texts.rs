//! Columns of texts, codes and booleans.

use steepest_data::Kind;

use crate::chance::Chance;
use crate::table::{Value, Written};

/// A column of a random way.
pub fn column(chance: &mut Chance, count: usize) -> Written {
    match chance.below(15) {
        0 | 1 => accents(chance, count),
        2 => notes(chance, count),
        3 => bands(chance, count),
        4 => answers(chance, count),
        5 => hexadecimal(chance, count),
        6 => dotted(chance, count),
        7 | 8 => leading_zeros(chance, count),
        9 | 10 => beyond_f64(chance, count),
        11 => two_spellings(chance, count),
        12 => numbers_and_words(chance, count),
        _ => booleans(chance, count),
    }
}

fn category(tag: &'static str, texts: Vec<String>) -> Written {
    let cells = texts.into_iter().map(|text| (text.clone(), Value::Text(text))).collect();
    Written { kind: Kind::Category, tags: vec![tag], cells }
}

/// `count` draws from levels.
fn levels(chance: &mut Chance, tag: &'static str, levels: &[&str], count: usize) -> Written {
    category(tag, (0..count).map(|_| chance.pick(levels).to_owned()).collect())
}

/// Places, several with accents; the first cell has one.
pub fn accents(chance: &mut Chance, count: usize) -> Written {
    let mut places = [
        "Orléans",
        "Besançon",
        "Nîmes",
        "Köln",
        "München",
        "Düsseldorf",
        "Málaga",
        "Córdoba",
        "Zürich",
        "Genève",
        "Saint-Étienne",
        "Würzburg",
        "Paris",
        "Berlin",
        "Madrid",
        "Bern",
        "Lyon, Rhône",
    ];
    let accented = chance.below(11);
    let first = places[accented];
    chance.shuffle(&mut places);
    let used = 3 + chance.below(places.len() - 3);
    let mut written = levels(chance, "places", &places[..used], count);
    written.cells[0] = (first.to_owned(), Value::Text(first.to_owned()));
    written
}

/// Sentences, nearly all different, with quotes and separators inside, and sometimes a second line.
fn notes(chance: &mut Chance, count: usize) -> Written {
    let has_lines = chance.one_in(3);
    let text = |_| {
        let subject =
            chance.pick(&["pump", "the \"new\" one", "valve; left", "sensor, old", "door|gate", "19\" rack"]);
        let state = chance.pick(&["is fine", "was changed", "needs oil", "leaks", "works again"]);
        let second = if has_lines && chance.one_in(10) { "\n" } else { ", " };
        format!("{subject} {state}{second}visit {}", chance.below(10_000))
    };
    let tag = if has_lines { "sentences, some of two lines" } else { "sentences" };
    category(tag, (0..count).map(text).collect())
}

/// Ranges, sizes and the like, which begin or end as numbers or dates do.
fn bands(chance: &mut Chance, count: usize) -> Written {
    let all: [&[&str]; 5] = [
        &["0-9", "10-19", "20-29", "30-39", "40+"],
        &["<5", "5-10", ">10"],
        &["S", "M", "L", "XL", "2XL"],
        &["Jan", "Feb", "Mar", "Apr", "May"],
        &["1st", "2nd", "3rd"],
    ];
    let bands = chance.pick(&all);
    levels(chance, "bands", bands, count)
}

fn answers(chance: &mut Chance, count: usize) -> Written {
    let all: [&[&str]; 5] =
        [&["yes", "no"], &["Y", "N"], &["Yes", "No"], &["ja", "nein"], &["true", "false", "both"]];
    let answers = chance.pick(&all);
    levels(chance, "yes or no", answers, count)
}

/// Counts with words among them, too many to be strays.
fn numbers_and_words(chance: &mut Chance, count: usize) -> Written {
    let mut texts: Vec<String> = (0..count).map(|_| chance.below(12).to_string()).collect();
    let word = chance.pick(&["12+", "many", "<1"]);
    for place in chance.places(3 + count / 20, count) {
        texts[place] = word.to_owned();
    }
    category("numbers and words", texts)
}

fn hexadecimal(chance: &mut Chance, count: usize) -> Written {
    category("hexadecimal", (0..count).map(|_| format!("{:06x}", chance.below(1 << 24))).collect())
}

/// Addresses and versions: groups of digits between dots that are no number.
fn dotted(chance: &mut Chance, count: usize) -> Written {
    let is_address = chance.one_in(2);
    let text = |_| {
        let mut part = |bound| chance.below(bound);
        if is_address {
            format!("10.{}.{}.{}", part(100), part(256), part(256))
        } else {
            format!("{}.{}.{}", part(10), part(10), part(10))
        }
    };
    category("addresses, versions", (0..count).map(text).collect())
}

/// Codes of one width or of several, some with zeros in front.
fn leading_zeros(chance: &mut Chance, count: usize) -> Written {
    let width = 2 + chance.below(6);
    let has_one_width = chance.one_in(2);
    let distinct = 4 + chance.below(96);
    let codes: Vec<String> = (0..distinct)
        .map(|_| {
            let code = chance.below(10_usize.pow(width as u32));
            if has_one_width || chance.one_in(3) { format!("{code:0width$}") } else { code.to_string() }
        })
        .collect();
    let mut texts: Vec<String> = (0..count).map(|_| codes[chance.below(distinct)].clone()).collect();
    // more than could be strays
    for place in chance.places(3 + count / 20, count) {
        texts[place] = format!("{:0width$}", 1 + chance.below(9));
    }
    category("leading zeros", texts)
}

/// Identifiers of 17 to 19 digits: all of them, or some among shorter ones.
fn beyond_f64(chance: &mut Chance, count: usize) -> Written {
    let digits = 17 + chance.below(3) as u32;
    let distinct = if chance.one_in(2) { 3 + chance.below(9) } else { count };
    let base = 10_i64.pow(digits - 1) * chance.between(1, 8);
    // neighbours: as f64 they would be one number
    let mut ids: Vec<String> = (0..distinct as i64).map(|index| (base + 2 * index + 1).to_string()).collect();
    if chance.one_in(4) {
        let short = ids.len() / 3;
        for id in &mut ids[..short] {
            id.truncate(8 + chance.below(7));
            id.insert(0, '9');
        }
    }
    category("identifiers beyond 2^53", (0..count).map(|_| ids[chance.below(distinct)].clone()).collect())
}

/// Codes such as `1.1` and `1.10`, in which two spellings of one number both repeat.
fn two_spellings(chance: &mut Chance, count: usize) -> Written {
    let chapter = 1 + chance.below(9);
    let mut codes: Vec<String> = (1..6 + chance.below(10)).map(|part| format!("{chapter}.{part}")).collect();
    codes.extend([format!("{chapter}.10"), format!("{chapter}.20")]);
    let distinct = codes.len();
    let mut texts: Vec<String> = (0..count).map(|_| codes[chance.below(distinct)].clone()).collect();
    for (place, end) in chance.places(4, count).into_iter().zip([".1", ".10", ".1", ".10"]) {
        texts[place] = format!("{chapter}{end}");
    }
    category("two spellings", texts)
}

/// True and false in one of the usual spellings.
pub fn booleans(chance: &mut Chance, count: usize) -> Written {
    let (no, yes) = chance.pick(&[("false", "true"), ("False", "True"), ("FALSE", "TRUE")]);
    let cell = |_| {
        let value = chance.one_in(2);
        (if value { yes } else { no }.to_owned(), Value::Boolean(value))
    };
    let cells = (0..count).map(cell).collect();
    Written { kind: Kind::Boolean, tags: vec!["booleans"], cells }
}
