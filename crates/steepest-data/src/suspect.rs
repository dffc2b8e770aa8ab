//! What looks wrong with a table before anything is learned from it: each a sentence with its remedy.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::encoder::{SENTINELS, is_key_name};
use crate::error::shown;
use crate::features::Features;
use crate::split::Split;
use crate::table::{Column, Table, Values};
use crate::task::{Target, Task, distinct};

/// Fewer rows than this outside training say nothing.
const FEWEST_HELD: usize = 20;
/// Buckets that a column of numbers is divided into.
const BUCKETS: usize = 64;

/// Everything that looks wrong, the gravest first.
pub(crate) fn notes(table: &Table, target: &Target, task: Task, split: &Split) -> Vec<String> {
    let mut notes = Vec::new();
    let column = &table.columns[target.index];
    let features: Vec<&Column> = table
        .columns
        .iter()
        .filter(|column| column.name != target.name && table.roles.is_feature(&column.name))
        .collect();
    let held: Vec<usize> = split.validation.iter().chain(&split.test).copied().collect();
    let group = repeating_group(table, &features, split);
    notes.extend(group.map(|group| {
        format!(
            "rows repeat within {:?}: other columns hardly vary in each of its {} values, so that rows to learn from and rows \
             to test on are alike; give it the role of the group to keep each on one side",
            shown(&group.name),
            distinct(&group.values)
        )
    }));
    for feature in &features {
        if group.is_none_or(|group| group.name != feature.name)
            && gives_away(feature, column, task, split, &held)
        {
            notes.push(format!(
                "column {:?} alone gives {:?} away; leave it out if it is not known when predictions are made",
                shown(&feature.name),
                shown(&target.name)
            ));
        }
    }
    notes
        .extend(features.iter().copied().chain([column]).filter_map(|column| sentinel(column, &split.train)));
    notes.extend(repeated_rows(&features, column, split, &held));
    notes.extend(like_a_key(column, task));
    notes
}

/// Where each row lies among the values of a column, as training has them: for text its level, for numbers a bucket.
fn buckets(column: &Column, train: &[usize]) -> impl Fn(usize) -> Option<u32> {
    let mut edges: Vec<f64> = Vec::new();
    if let Values::Number(values) | Values::Date(values) = &column.values {
        let mut known: Vec<f64> = train.iter().map(|&row| values[row]).filter(|x| !x.is_nan()).collect();
        known.sort_unstable_by(f64::total_cmp);
        known.dedup();
        let step = known.len().div_ceil(BUCKETS).max(1);
        edges = known.into_iter().step_by(step).collect();
    }
    move |row| match &column.values {
        Values::Number(values) | Values::Date(values) => {
            let value = values[row];
            (!value.is_nan()).then(|| edges.partition_point(|&edge| edge <= value) as u32)
        }
        Values::Category { codes, .. } => codes[row],
        Values::Boolean(values) => values[row].map(u32::from),
    }
}

/// Whether the target follows from one column, judged by rows outside training.
fn gives_away(feature: &Column, target: &Column, task: Task, split: &Split, held: &[usize]) -> bool {
    // that things happen at their time is no leak
    if held.len() < FEWEST_HELD || matches!(feature.values, Values::Date(_)) {
        return false;
    }
    let bucket = buckets(feature, &split.train);
    if task.is_classification() {
        let class = buckets_of_classes(target);
        let (mut counts, mut all) =
            (HashMap::<(Option<u32>, u32), usize>::new(), HashMap::<u32, usize>::new());
        for &row in &split.train {
            *counts.entry((bucket(row), class(row))).or_default() += 1;
            *all.entry(class(row)).or_default() += 1;
        }
        let most = |of: &HashMap<u32, usize>| {
            of.iter().max_by_key(|&(class, count)| (*count, *class)).map(|(class, _)| *class)
        };
        let usual = most(&all);
        let mut by_bucket: HashMap<Option<u32>, HashMap<u32, usize>> = HashMap::new();
        for ((bucket, class), count) in counts {
            by_bucket.entry(bucket).or_default().insert(class, count);
        }
        let best: HashMap<Option<u32>, Option<u32>> =
            by_bucket.iter().map(|(bucket, classes)| (*bucket, most(classes))).collect();
        let guess = |row: usize| best.get(&bucket(row)).copied().flatten().or(usual);
        let wrong = |guess: &dyn Fn(usize) -> Option<u32>| {
            held.iter().filter(|&&row| guess(row) != Some(class(row))).count()
        };
        // a twentieth of the errors of guessing is what is left by chance and slips
        return wrong(&guess) * 20 <= wrong(&|_| usual) && wrong(&|_| usual) >= 5;
    }
    let (Values::Number(y) | Values::Date(y)) = &target.values else { return false };
    match &feature.values {
        Values::Number(x) | Values::Date(x) => {
            let pairs: Vec<(f64, f64)> = held
                .iter()
                .map(|&row| (x[row], y[row]))
                .filter(|(x, y)| !x.is_nan() && !y.is_nan())
                .collect();
            pairs.len() >= FEWEST_HELD
                && (squared_correlation(&pairs) > 0.9999 || squared_correlation(&ranked(&pairs)) > 0.9999)
        }
        _ => false,
    }
}

/// The class of a row as a number, whatever the target's type.
fn buckets_of_classes(target: &Column) -> impl Fn(usize) -> u32 {
    let mut known: Vec<f64> = match &target.values {
        Values::Number(values) | Values::Date(values) => values.clone(),
        _ => Vec::new(),
    };
    known.sort_unstable_by(f64::total_cmp);
    known.dedup();
    move |row| match &target.values {
        Values::Number(values) | Values::Date(values) => {
            known.partition_point(|&value| value < values[row]) as u32
        }
        Values::Category { codes, .. } => codes[row].unwrap_or(u32::MAX),
        Values::Boolean(values) => values[row].map_or(u32::MAX, u32::from),
    }
}

fn squared_correlation(pairs: &[(f64, f64)]) -> f64 {
    let count = pairs.len() as f64;
    // scaled first, so that squares do not overflow
    let scale = |of: fn(&(f64, f64)) -> f64| {
        let largest = pairs.iter().map(|pair| of(pair).abs()).fold(0.0, f64::max);
        if largest > 0.0 { largest } else { 1.0 }
    };
    let (scale_x, scale_y) = (scale(|pair| pair.0), scale(|pair| pair.1));
    let mean_x: f64 = pairs.iter().map(|pair| pair.0 / scale_x / count).sum();
    let mean_y: f64 = pairs.iter().map(|pair| pair.1 / scale_y / count).sum();
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (x, y) in pairs {
        let (x, y) = (x / scale_x - mean_x, y / scale_y - mean_y);
        (xx, yy, xy) = (xx + x * x, yy + y * y, xy + x * y);
    }
    if xx > 0.0 && yy > 0.0 { xy * xy / (xx * yy) } else { 0.0 }
}

/// The ranks of both sides: whatever rises with the target, straight or not, gives it away.
fn ranked(pairs: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let ranks = |of: fn(&(f64, f64)) -> f64| {
        let mut sorted: Vec<f64> = pairs.iter().map(of).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        move |value: f64| {
            let (from, to) =
                (sorted.partition_point(|&x| x < value), sorted.partition_point(|&x| x <= value));
            (from + to) as f64 / 2.0
        }
    };
    let (x, y) = (ranks(|pair| pair.0), ranks(|pair| pair.1));
    pairs.iter().map(|pair| (x(pair.0), y(pair.1))).collect()
}

/// A column whose values stand in several rows each, within which most columns of numbers hardly vary.
fn repeating_group<'a>(table: &Table, features: &[&'a Column], split: &Split) -> Option<&'a Column> {
    if table.roles.group.is_some() {
        return None;
    }
    let rows = &split.train;
    let numbers: Vec<&Column> =
        features.iter().copied().filter(|column| matches!(column.values, Values::Number(_))).collect();
    let may_be = |column: &&&Column| match &column.values {
        Values::Category { .. } => true,
        Values::Number(values) => values.iter().all(|value| value.is_nan() || value.fract() == 0.0),
        _ => false,
    };
    features
        .iter()
        .filter(may_be)
        .find(|column| {
            let group = match group_of(column, rows) {
                // each value of a group in two rows and more, and enough of them to be no mere category
                Some((group, count)) if count >= 8 && count * 2 <= rows.len() => group,
                _ => return false,
            };
            let others: Vec<&&Column> = numbers.iter().filter(|other| other.name != column.name).collect();
            let follow = others.iter().filter(|other| within(other, rows, &group) < 0.1).count();
            others.len() >= 2 && follow * 2 >= others.len()
        })
        .copied()
}

/// The group of each row, and how many groups there are.
fn group_of(column: &Column, rows: &[usize]) -> Option<(Vec<usize>, usize)> {
    let mut known: HashMap<u64, usize> = HashMap::new();
    let mut group = Vec::with_capacity(rows.len());
    for &row in rows {
        let key = match &column.values {
            Values::Number(values) => values[row].to_bits(),
            Values::Category { codes, .. } => codes[row].map_or(u64::MAX, u64::from),
            _ => return None,
        };
        let next = known.len();
        group.push(*known.entry(key).or_insert(next));
        if known.len() * 2 > rows.len() {
            return None;
        }
    }
    let count = known.len();
    Some((group, count))
}

/// The variance of a column of numbers within groups, as a fraction of all its variance.
fn within(column: &Column, rows: &[usize], group: &[usize]) -> f64 {
    let Values::Number(values) = &column.values else { return 1.0 };
    let groups = group.iter().max().map_or(0, |&group| group + 1);
    let largest = rows.iter().map(|&row| values[row].abs()).filter(|x| !x.is_nan()).fold(0.0, f64::max);
    if largest == 0.0 {
        return 1.0;
    }
    let (mut sums, mut all, mut known) = (vec![(0.0, 0.0); groups], 0.0, 0.0);
    for (&row, &group) in rows.iter().zip(group).filter(|(row, _)| !values[**row].is_nan()) {
        let value = values[row] / largest;
        sums[group].0 += value;
        sums[group].1 += 1.0;
        (all, known) = (all + value, known + 1.0);
    }
    let (mut inside, mut total) = (0.0, 0.0);
    for (&row, &group) in rows.iter().zip(group).filter(|(row, _)| !values[**row].is_nan()) {
        let value = values[row] / largest;
        let (sum, count): (f64, f64) = sums[group];
        inside += (value - sum / count).powi(2);
        total += (value - all / known).powi(2);
    }
    let free = known - groups as f64;
    if total > 0.0 && free > 0.0 { (inside / free) / (total / (known - 1.0)) } else { 1.0 }
}

/// A number that repeats far from all others and may mean that there is none.
fn sentinel(column: &Column, train: &[usize]) -> Option<String> {
    let Values::Number(values) = &column.values else { return None };
    let mut known: Vec<f64> = train.iter().map(|&row| values[row]).filter(|x| !x.is_nan()).collect();
    known.sort_unstable_by(f64::total_cmp);
    let ends = [*known.first()?, *known.last()?];
    ends.into_iter().filter(|end| SENTINELS.contains(end)).find_map(|end| {
        let (low, high) = (known.partition_point(|&x| x < end), known.partition_point(|&x| x <= end));
        let others = if low == 0 { &known[high..] } else { &known[..low] };
        let range = others.last()? - others.first()?;
        let gap = (others.first()? - end).abs().min((others.last()? - end).abs());
        (high - low > 1 && gap > range).then(|| {
            format!(
                "column {:?}: {end} in {} training rows lies far from all others; if it stands for a missing value, leave these \
                 cells empty",
                shown(&column.name),
                high - low
            )
        })
    })
}

/// Rows outside training that stand in training too.
fn repeated_rows(features: &[&Column], target: &Column, split: &Split, held: &[usize]) -> Option<String> {
    let hash = |row: usize| {
        let mut hasher = DefaultHasher::new();
        for column in features.iter().copied().chain([target]) {
            match &column.values {
                Values::Number(values) | Values::Date(values) => values[row].to_bits().hash(&mut hasher),
                Values::Category { codes, .. } => codes[row].hash(&mut hasher),
                Values::Boolean(values) => values[row].hash(&mut hasher),
            }
        }
        hasher.finish()
    };
    let train: HashSet<u64> = split.train.iter().map(|&row| hash(row)).collect();
    let repeated = held.iter().filter(|&&row| train.contains(&hash(row))).count();
    (repeated * 100 > held.len()).then(|| {
        format!(
            "{repeated} of {} rows to validate and test on stand in training too, all columns alike; leave out what is repeated \
             by mistake, or the scores are too good",
            held.len()
        )
    })
}

/// A number to predict that only numbers the rows, in whatever order.
fn like_a_key(column: &Column, task: Task) -> Option<String> {
    let Values::Number(values) = &column.values else { return None };
    let mut known: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
    known.sort_unstable_by(f64::total_cmp);
    let counts = known.windows(2).all(|pair| pair[1] - pair[0] == 1.0);
    let all_differ = || known.windows(2).all(|pair| pair[0] != pair[1]);
    let whole = || known.iter().all(|value| value.fract() == 0.0);
    let is_key =
        task == Task::Regression && (counts || (is_key_name(&column.name) && whole() && all_differ()));
    is_key.then(|| {
        format!("the target {:?} numbers the rows, as a key does; choose another target", shown(&column.name))
    })
}

/// Rows of a part from elsewhere that stand in training too, and groups that do: the column, and the groups of both.
pub(crate) fn shared_with_training(
    part: &str,
    train: &Features,
    held: &Features,
    groups: Option<(&str, HashSet<String>, HashSet<String>)>,
) -> Vec<String> {
    let known: HashSet<u64> = (0..train.rows).map(|row| train.row_hash(row)).collect();
    let shared = (0..held.rows).filter(|&row| known.contains(&held.row_hash(row))).count();
    let mut notes = Vec::new();
    if shared * 10 > held.rows {
        notes.push(format!(
            "{shared} of the {} rows of {part} are rows to learn from too; their score is better than it would be on new ones",
            held.rows
        ));
    }
    if let Some((column, train, held)) = groups {
        let column = shown(column);
        let both = train.intersection(&held).count();
        if both > 0 {
            notes.push(format!(
                "{both} of the {} groups {column:?} of {part} are in the rows to learn from too; leave them out of one",
                held.len()
            ));
        }
    }
    notes
}
