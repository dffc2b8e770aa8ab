//! Explains a run.

use super::asked::{ExplainOptions, Join, Method, Scale};
use super::curves::{Column, curves};
use super::explained::{Explained, ExplainedRow, FORMAT, LEAST_FIT, Made, Pair, RowOutput};
use super::importance::{FEWEST_SHUFFLED, importance, players};
use super::network::Network;
use super::outputs::Unit;
use super::rows::Rows;
use crate::error::{Error, Result};
use crate::files::RunFiles;
use crate::finished::FinishedRun;
use crate::pool::in_pool;
use crate::summary::ColumnImportance;
use crate::tables::Tables;
use steepest_data::{Features, Loaded, Source, Values};
use steepest_explain::{
    Background, LimeOptions, MOST_INTERACTING, Model, Players, ShapleyOptions, coalitions, correlated,
    interactions, is_exact, lime, path, seconds_per_evaluation, shapley_watched,
};

/// Rows of the run's own data that are explained where no data is given.
const USUAL_ROWS: usize = 100;
/// A correlation beyond it is said.
const CORRELATED: f64 = 0.8;
/// Columns whose curves are drawn.
const MOST_CURVES: usize = 4;
/// Rows that curves are taken over.
const MOST_ROWS: usize = 1_000;
/// A path that misses more of its sum is said to.
const MOST_GAP: f64 = 0.01;

/// What explaining will take, known before it begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Rows that are explained.
    pub rows: usize,
    /// Columns, or groups of them.
    pub columns: usize,
    /// Rows of the background.
    pub background: usize,
    /// How.
    pub method: Method,
    /// Whether all coalitions are taken.
    pub exact: bool,
    /// The most coalitions for each row; 0 for other methods than Shapley values.
    pub evaluations: u64,
    /// How long it takes at most, about.
    pub seconds: f64,
}

/// A run with rows that are to be explained.
pub struct Explainer {
    network: Network,
    players: Players,
    background: Background,
    rows: Vec<f64>,
    /// Of each row: its number, its place, what the data has.
    texts: Vec<(usize, String, Vec<String>)>,
    numbers: Vec<Vec<Option<f64>>>,
    plan: Plan,
    /// What is known already.
    found: Explained,
    /// What a time of so many seconds is worth.
    seconds_per_coalition: f64,
    options: ExplainOptions,
}

impl FinishedRun {
    /// Reads what is to be explained, and decides how: `source`, or where there is none the run's own test rows, at most a
    /// hundred of them.
    ///
    /// # Errors
    /// Data that cannot be read, or that lacks a column that the network needs; a run without rows to compare with, where none are
    /// given; a budget that is too small; columns to join that there are not; a failed run.
    pub fn explainer(&self, source: Option<&Source>, options: &ExplainOptions) -> Result<Explainer> {
        in_pool(options.threads, || self.prepare_explainer(source, options))
    }

    fn prepare_explainer(&self, source: Option<&Source>, options: &ExplainOptions) -> Result<Explainer> {
        self.check_success()?;
        let encoder = self.encoder();
        let background = self.background(options)?;
        let mut notes = Vec::new();
        let mut warnings: Vec<String> = self.unfinished().into_iter().collect();
        let data = match source {
            Some(source) => {
                let loaded = self.read(source, &options.read)?;
                let rows: Vec<usize> = (0..loaded.rows()).collect();
                Data { features: encoder.encode(&loaded, &rows)?, rows, what: source.to_string(), loaded }
            }
            None => self.own_rows()?,
        };
        if data.features.rows == 0 {
            let (what, remedy) = ("rows to explain", "give data that has some");
            return Err(steepest_explain::Error::TooFew { what, found: 0, least: 1, remedy }.into());
        }
        notes.extend(data.loaded.notes().iter().cloned());
        notes.extend_from_slice(&data.features.notes);
        warnings.extend_from_slice(&data.features.warnings);
        let each = || {
            let names = (0..encoder.width()).map(|at| (pixel(encoder.image_shape(), at), vec![at]));
            Players::new(names.collect(), encoder.width())
        };
        let players = players(encoder)?.map_or_else(each, Ok)?;
        let (players, related) = joined(players, &background, options, encoder.image_shape().is_some())?;
        let (model, config) = self.model();
        let unit = Unit::of(encoder, self.positive(), options.scale == Scale::Probability);
        let network = Network::new(model, &config, unit);
        let importance = self.importance_of(&data, options.seed)?;
        let (outputs, units) = self.named_outputs(options.scale);
        let columns: Vec<Vec<&str>> =
            players.names().iter().map(|name| name.split(" + ").collect()).collect();
        let texts = match &data.loaded {
            Loaded::Table(_) => (0..data.rows.len()).map(|at| data.texts(at, &columns)).collect(),
            Loaded::Images(_) => vec![Vec::new(); data.rows.len()],
        };
        let numbers = match &data.loaded {
            Loaded::Table(_) => (0..data.rows.len()).map(|at| data.numbers(at, &columns)).collect(),
            // as they are drawn
            Loaded::Images(_) => (0..data.rows.len())
                .map(|at| data.features.row(at).iter().map(|x| Some(f64::from(*x))).collect())
                .collect(),
        };
        let places = data.rows.iter().map(|row| (row + 1, data.loaded.place(*row).to_string()));
        let method = match (options.method, encoder.image_shape()) {
            (Method::Auto, Some(_)) => Method::Path,
            (Method::Auto, None) => Method::Shapley,
            (method, _) => method,
        };
        let seconds_per_coalition = seconds_per_evaluation(&network, &players, &background);
        let plan =
            plan(method, data.rows.len(), &players, &background, &network, seconds_per_coalition, options)?;
        let made = Made {
            method,
            scale: options.scale,
            evaluations: plan.evaluations,
            background: background.len(),
            seed: options.seed,
        };
        let found = Explained {
            format: FORMAT,
            target: encoder.target().to_owned(),
            data: data.what.clone(),
            made,
            columns: players.names().to_vec(),
            outputs,
            units,
            rows: Vec::new(),
            correlated: related,
            importance,
            interactions: Vec::new(),
            curves: Vec::new(),
            image: encoder.image_shape(),
            notes,
            warnings,
        };
        Ok(Explainer {
            network,
            background,
            rows: data.features.data.iter().map(|x| f64::from(*x)).collect(),
            texts: places
                .zip(texts)
                .map(|((row, place), texts): (_, Vec<String>)| (row, place, texts))
                .collect(),
            numbers,
            plan,
            found,
            seconds_per_coalition,
            players,
            options: options.clone(),
        })
    }

    /// The rows to compare with.
    fn background(&self, options: &ExplainOptions) -> Result<Background> {
        let encoder = self.encoder();
        let Some(source) = &options.background else {
            let kept = Rows::of_run(&RunFiles::open(self.path())?, encoder.width())?;
            return match kept {
                Some(rows) => rows.background(),
                None => Err(Error::NoBackground { path: self.path().to_owned() }),
            };
        };
        let loaded = self.read(source, &options.read)?;
        let all: Vec<usize> = (0..loaded.rows()).collect();
        let (rows, targets) = match encoder.encode_known_target(&loaded, &all) {
            Ok(known) if !known.rows.is_empty() => (known.rows, Some(known.targets)),
            _ => (all, None),
        };
        Rows::of(&encoder.encode(&loaded, &rows)?, targets.as_ref(), options.seed).background()
    }

    /// The run's own rows that are least known.
    fn own_rows(&self) -> Result<Data> {
        let tables = Tables::read(self.settings())?;
        let prepared = tables.prepare(self.settings())?;
        let (loaded, all, part) = tables.least_known(&prepared.split);
        let count = all.len().min(USUAL_ROWS);
        let rows: Vec<usize> = (0..count).map(|at| all[at * all.len() / count]).collect();
        let what = match count < all.len() {
            true => format!("{count} of the run's {} {part} rows", all.len()),
            false => format!("the run's {count} {part} rows"),
        };
        Ok(Data { features: self.encoder().encode(loaded, &rows)?, rows, what, loaded: loaded.clone() })
    }

    fn importance_of(&self, data: &Data, seed: u64) -> Result<Vec<ColumnImportance>> {
        let encoder = self.encoder();
        let Ok(known) = encoder.encode_known_target(&data.loaded, &data.rows) else { return Ok(Vec::new()) };
        if known.rows.len() < FEWEST_SHUFFLED {
            return Ok(Vec::new());
        }
        let features = encoder.encode(&data.loaded, &known.rows)?;
        let (model, config) = self.model();
        let loss = self.settings().loss.loss(encoder.task(), None);
        importance(model, &config, encoder, &loss, &features, &known.targets, seed)
    }

    /// The names of what is explained, and what each is measured in.
    fn named_outputs(&self, scale: Scale) -> (Vec<String>, Vec<String>) {
        let encoder = self.encoder();
        let names = match encoder.classes() {
            [] => vec![encoder.target().to_owned()],
            [_, _] => vec![encoder.decode_class(self.positive()).to_owned()],
            classes => classes.to_vec(),
        };
        let unit = |name: &String| match (encoder.classes(), scale) {
            ([], _) => name.clone(),
            (_, Scale::Usual) => format!("log odds of {name}"),
            (_, Scale::Probability) => format!("probability of {name}"),
        };
        let units = names.iter().map(unit).collect();
        (names, units)
    }
}

/// Rows that are read.
struct Data {
    loaded: Loaded,
    features: Features,
    /// The number of each in what is loaded.
    rows: Vec<usize>,
    what: String,
}

impl Data {
    /// What the data has in the columns of each player.
    fn texts(&self, at: usize, columns: &[Vec<&str>]) -> Vec<String> {
        let Loaded::Table(table) = &self.loaded else { return Vec::new() };
        let text = |name: &&str| {
            let text = table.column(name).ok().and_then(|column| column.text(self.rows[at]));
            text.unwrap_or_else(|| "missing".to_owned())
        };
        columns.iter().map(|names| names.iter().map(text).collect::<Vec<_>>().join(", ")).collect()
    }

    fn numbers(&self, at: usize, columns: &[Vec<&str>]) -> Vec<Option<f64>> {
        let Loaded::Table(table) = &self.loaded else { return Vec::new() };
        let number = |names: &Vec<&str>| {
            let [name] = names.as_slice() else { return None };
            match &table.column(name).ok()?.values {
                Values::Number(values) | Values::Date(values) => {
                    Some(values[self.rows[at]]).filter(|value| value.is_finite())
                }
                _ => None,
            }
        };
        columns.iter().map(number).collect()
    }
}

fn pixel(shape: Option<[usize; 3]>, at: usize) -> String {
    let [_, height, width] = shape.unwrap_or([1, 1, 1]);
    let (channel, row, column) = (at / (height * width), at / width % height, at % width);
    match shape {
        Some([1, ..]) => format!("pixel {},{}", row + 1, column + 1),
        _ => format!("channel {} pixel {},{}", channel + 1, row + 1, column + 1),
    }
}

/// Players with those joined that are to be, and the pairs that go together.
fn joined(
    players: Players,
    background: &Background,
    options: &ExplainOptions,
    images: bool,
) -> Result<(Players, Vec<Pair>)> {
    // neighbouring pixels always go together
    let related = match images {
        true => Vec::new(),
        false => correlated(&players, background.data(), CORRELATED)?,
    };
    let pair = |players: &Players, found: &steepest_explain::Correlated| Pair {
        a: players.names()[found.a].clone(),
        b: players.names()[found.b].clone(),
        value: found.r,
    };
    let groups: Vec<Vec<usize>> = match &options.join {
        Join::None => {
            return Ok((players.clone(), related.iter().map(|found| pair(&players, found)).collect()));
        }
        Join::Auto => related.iter().map(|found| vec![found.a, found.b]).collect(),
        Join::Groups(groups) => {
            let group = |names: &Vec<String>| {
                names.iter().map(|name| Ok(players.of(name)?)).collect::<Result<Vec<usize>>>()
            };
            groups.iter().map(group).collect::<Result<_>>()?
        }
    };
    let players = players.joined(&groups);
    let left = match options.join {
        Join::Auto => Vec::new(),
        _ => correlated(&players, background.data(), CORRELATED)?,
    };
    let left = left.iter().map(|found| pair(&players, found)).collect();
    Ok((players, left))
}

fn plan(
    method: Method,
    rows: usize,
    players: &Players,
    background: &Background,
    network: &Network,
    seconds_per_coalition: f64,
    options: &ExplainOptions,
) -> Result<Plan> {
    let plan = |exact, evaluations, seconds| Plan {
        rows,
        columns: players.len(),
        background: background.len(),
        method,
        exact,
        evaluations,
        seconds,
    };
    // a gradient costs about three evaluations, at eight points for each output; LIME takes five times two thousand
    let of_one = rows as f64 * seconds_per_coalition;
    match method {
        Method::Path => return Ok(plan(false, 0, of_one * 24.0 * network.outputs() as f64)),
        Method::Lime => return Ok(plan(false, 0, of_one * 10_000.0 / background.len() as f64)),
        Method::Auto | Method::Shapley => {}
    }
    let allowed = options.evaluations.unwrap_or((options.max_seconds / of_one).min(1e15) as u64);
    // powers of two, so that a clock that is a little off changes nothing
    let allowed = match options.evaluations {
        None if !is_exact(players.len(), allowed) && allowed > 0 => {
            rounded(allowed, 2 * players.len() as u64 + 2)
        }
        _ => allowed,
    };
    let evaluations = coalitions(players.len(), allowed)?;
    Ok(plan(is_exact(players.len(), evaluations), evaluations, of_one * evaluations as f64))
}

/// The largest power of two that is not more, or the least that is needed if that lies between.
fn rounded(allowed: u64, least: u64) -> u64 {
    let power = 1 << allowed.ilog2();
    if power < least && least <= allowed { least } else { power }
}

impl Explainer {
    /// What it will take.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The network, with the outputs that are explained, for everything that [`steepest_explain`] has.
    pub fn model(&self) -> &dyn Model {
        &self.network
    }

    /// The columns.
    pub fn players(&self) -> &Players {
        &self.players
    }

    /// The rows to compare with.
    pub fn background(&self) -> &Background {
        &self.background
    }

    /// The rows that are explained, encoded, row-major.
    pub fn rows(&self) -> &[f64] {
        &self.rows
    }

    /// Explains the rows; `done` hears from any thread each time that so many of them are done.
    ///
    /// # Errors
    /// Outputs that are not finite.
    pub fn explain(mut self, done: &(dyn Fn(usize) + Sync)) -> Result<Explained> {
        let threads = self.options.threads;
        in_pool(threads, || {
            self.found.rows = self.explain_rows(done)?;
            if self.found.image.is_none() {
                self.add_interactions()?;
                self.add_curves()?;
            }
            self.add_doubts();
            Ok(self.found)
        })
    }

    fn explain_rows(&self, done: &(dyn Fn(usize) + Sync)) -> Result<Vec<ExplainedRow>> {
        let (network, players, background, rows) =
            (&self.network, &self.players, &self.background, &self.rows[..]);
        let d = players.len();
        let seed = self.options.seed;
        // per row: exact, evaluations, reach, outputs
        type Parts = (bool, u64, f64, Vec<RowOutput>);
        let cut = |all: &[f64], k: usize| all.get(k * d..(k + 1) * d).unwrap_or_default().to_vec();
        let found: Vec<Parts> = match self.plan.method {
            Method::Path => path(network, players, background, rows)?
                .into_iter()
                .map(|row| {
                    let output = |k: usize| RowOutput {
                        base: row.base[k],
                        whole: row.whole[k],
                        values: cut(&row.values, k),
                        standard_errors: vec![0.0; d],
                        background_errors: cut(&row.background_errors, k),
                        gap: Some(row.gap[k]),
                        r_squared: None,
                    };
                    (false, 0, f64::INFINITY, (0..row.base.len()).map(output).collect())
                })
                .collect(),
            Method::Lime => {
                lime(network, players, background, rows, &LimeOptions { seed, ..LimeOptions::default() })?
                    .into_iter()
                    .map(|row| {
                        let output = |k: usize| RowOutput {
                            base: row.whole[k] - cut(&row.values, k).iter().sum::<f64>(),
                            whole: row.whole[k],
                            values: cut(&row.values, k),
                            standard_errors: cut(&row.spread, k),
                            background_errors: Vec::new(),
                            gap: None,
                            r_squared: Some(row.r_squared[k]),
                        };
                        (false, 0, f64::INFINITY, (0..row.whole.len()).map(output).collect())
                    })
                    .collect()
            }
            Method::Auto | Method::Shapley => {
                let options =
                    ShapleyOptions { evaluations: self.plan.evaluations, seed, ..ShapleyOptions::default() };
                shapley_watched(network, players, background, rows, &options, done)?
                    .into_iter()
                    .map(|row| {
                        let output = |k: usize| RowOutput {
                            base: row.base[k],
                            whole: row.whole[k],
                            values: cut(&row.values, k),
                            standard_errors: cut(&row.standard_errors, k),
                            background_errors: cut(&row.background_errors, k),
                            gap: None,
                            r_squared: None,
                        };
                        let outputs = (0..row.base.len()).map(output).collect();
                        (row.is_exact, row.evaluations, row.freedom, outputs)
                    })
                    .collect()
            }
        };
        let rows = found.into_iter().zip(&self.texts).zip(&self.numbers);
        Ok(rows
            .map(|(((exact, evaluations, freedom, outputs), (row, place, texts)), numbers)| ExplainedRow {
                row: *row,
                place: place.clone(),
                texts: texts.clone(),
                numbers: numbers.clone(),
                exact,
                evaluations,
                reach: steepest_explain::reach(freedom),
                outputs,
            })
            .collect())
    }

    /// What pairs of columns do together, over as many rows as a third of the time allows.
    fn add_interactions(&mut self) -> Result<()> {
        let d = self.players.len();
        if !(2..=MOST_INTERACTING).contains(&d) || self.plan.method != Method::Shapley {
            return Ok(());
        }
        let of_one = self.seconds_per_coalition * (1u64 << d) as f64;
        // what is explained exactly costs the same as this, and a number of evaluations knows no clock
        let most = match self.options.evaluations {
            Some(evaluations) => {
                if is_exact(d, evaluations) {
                    self.plan.rows
                } else {
                    0
                }
            }
            None => (self.options.max_seconds / 3.0 / of_one) as usize,
        };
        let count = self.plan.rows.min(20).min(most);
        if count == 0 {
            return Ok(());
        }
        let width = self.players.width();
        let rows: Vec<f64> =
            (0..count).flat_map(|at| self.row(at * self.plan.rows / count, width).to_vec()).collect();
        let found = interactions(&self.network, &self.players, &self.background, &rows)?;
        let outputs = self.network.outputs();
        let name = |at: usize| self.players.names()[at].clone();
        let mut pairs: Vec<Pair> = (0..d)
            .flat_map(|a| (a + 1..d).map(move |b| (a, b)))
            .map(|(a, b)| {
                // both halves
                let all = found.iter().flat_map(|row| (0..outputs).map(move |k| 2.0 * row.of(k, a, b).abs()));
                Pair { a: name(a), b: name(b), value: all.sum::<f64>() / (count * outputs) as f64 }
            })
            .collect();
        pairs.sort_by(|x, y| y.value.total_cmp(&x.value));
        self.found.interactions = pairs;
        Ok(())
    }

    fn row(&self, at: usize, width: usize) -> &[f64] {
        &self.rows[at * width..(at + 1) * width]
    }

    /// The curves of the columns that matter most, to the output that varies most.
    fn add_curves(&mut self) -> Result<()> {
        if self.plan.rows < FEWEST_SHUFFLED {
            return Ok(());
        }
        let mut order: Vec<(usize, f64)> = (0..self.players.len()).map(|column| (column, 0.0)).collect();
        for output in 0..self.found.outputs.len() {
            let means = self.found.mean_absolute(output);
            order.iter_mut().zip(means).for_each(|((_, sum), [mean, _])| *sum += mean);
        }
        order.sort_by(|a, b| b.1.total_cmp(&a.1));
        let width = self.players.width();
        let count = self.plan.rows.min(MOST_ROWS);
        let taken: Vec<usize> = (0..count).map(|at| at * self.plan.rows / count).collect();
        let rows: Vec<f64> = taken.iter().flat_map(|at| self.row(*at, width).to_vec()).collect();
        for (player, _) in order.into_iter().take(MOST_CURVES) {
            let column = Column {
                rows: &rows,
                player,
                texts: taken.iter().map(|at| self.texts[*at].2[player].as_str()).collect(),
                numbers: taken.iter().map(|at| self.numbers[*at][player]).collect(),
            };
            self.found.curves.extend(curves(&self.network, &self.players, &column)?);
        }
        Ok(())
    }

    /// What puts the values in doubt.
    fn add_doubts(&mut self) {
        let found = &mut self.found;
        let outputs = || found.rows.iter().flat_map(|row| &row.outputs);
        let (mut far, mut flat, mut all) = (0, 0, 0);
        for output in outputs() {
            all += 1;
            far += usize::from(output.gap.is_some_and(|gap| gap > MOST_GAP));
            flat += usize::from(output.r_squared.is_some_and(|r2| r2 < LEAST_FIT));
        }
        if far > 0 {
            found.warnings.push(format!(
                "{far} of {all} paths miss more than 1 % of their sum: the network bends too sharply on the way"
            ));
        }
        if flat > 0 {
            found.warnings.push(format!(
                "a line explains less than half of the variance around {flat} of {all} outputs (R² below 0.5): no order of columns follows from it"
            ));
        }
        if let Some(first) = found.correlated.first() {
            let more = match found.correlated.len() {
                1 => String::new(),
                2 => ", and 1 more pair".to_owned(),
                n => format!(", and {} more pairs", n - 1),
            };
            found.warnings.push(format!(
                "{} and {} go together (r = {:.2}){more}: what one of them adds alone is asked of rows that there are not; join them",
                steepest_data::shown(&first.a), steepest_data::shown(&first.b), first.value
            ));
        }
    }
}
