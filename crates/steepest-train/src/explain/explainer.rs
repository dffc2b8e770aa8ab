//! Explains a run.

use super::asked::{ExplainOptions, Method, Scale};
use super::curves::{Column, curves};
use super::data::Data;
use super::explained::{Activation, Explained, ExplainedRow, FORMAT, Made, Pair, RowOutput};
use super::importance::{FEWEST_SHUFFLED, importance};
use super::network::Network;
use super::outputs::Unit;
use super::plan::{Plan, plan};
use super::players;
use super::rows::Rows;
use crate::error::{Error, Result};
use crate::files::RunFiles;
use crate::finished::FinishedRun;
use crate::pool::in_pool;
use crate::summary::ColumnImportance;
use std::collections::BTreeMap;
use steepest_data::Source;
use steepest_explain::{
    Background, LEAST_FIT, LimeOptions, MOST_GAP, MOST_INTERACTING, Model, Players, ShapleyOptions,
    interactions, lime, local_linear, path, reach, seconds_per_evaluation, shapley_watched,
};

/// Columns whose curves are drawn.
const MOST_CURVES: usize = 4;
/// Rows that curves are taken over.
const MOST_ROWS: usize = 1_000;
/// Rows that interactions are taken over.
const MOST_INTERACTING_ROWS: usize = 20;

/// A run with rows that are to be explained.
pub struct Explainer {
    network: Network,
    players: Players,
    background: Background,
    rows: Vec<f64>,
    plan: Plan,
    /// What is known already: all but what the outputs are made of.
    found: Explained,
    /// What the network's own outputs mean.
    meaning: Unit,
    seed: u64,
    threads: Option<usize>,
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
                let rows = (0..loaded.rows()).collect();
                Data::encoded(encoder, loaded, rows, source.to_string())?
            }
            None => Data::of_run(self)?,
        };
        if data.features.rows == 0 {
            let (what, remedy) = ("rows to explain", "give data that has some");
            return Err(steepest_explain::Error::TooFew { what, found: 0, least: 1, remedy }.into());
        }
        notes.extend(data.loaded.notes().iter().cloned());
        notes.extend_from_slice(&data.features.notes);
        warnings.extend_from_slice(&data.features.warnings);
        let (players, related) = players::joined(encoder, &background, &options.join)?;
        let (model, config) = self.model();
        let unit = Unit::of(encoder, self.positive(), options.scale == Scale::Probability);
        let network = Network::new(model, &config, unit);
        let importance = self.importance_of(&data, options.seed)?;
        let (outputs, units) = self.named_outputs(options.scale);
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
            features: if method == Method::Linear { players::features(encoder) } else { Vec::new() },
            activated: match encoder.classes() {
                [] => vec![encoder.target().to_owned()],
                [_, second] => vec![second.clone()],
                classes => classes.to_vec(),
            },
            rows: (0..data.rows.len()).map(|at| data.row(at, &players)).collect(),
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
            plan,
            found,
            players,
            meaning: Unit::of(encoder, 1, true),
            seed: options.seed,
            threads: options.threads,
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
        let threads = self.threads;
        in_pool(threads, || {
            self.add_outputs(done)?;
            self.add_activations();
            if self.found.image.is_none() {
                self.add_interactions()?;
                self.add_curves()?;
            }
            self.add_doubts();
            Ok(self.found)
        })
    }

    /// What the outputs of each row are made of.
    fn add_outputs(&mut self, done: &(dyn Fn(usize) + Sync)) -> Result<()> {
        let (network, players, background, rows) =
            (&self.network, &self.players, &self.background, &self.rows[..]);
        let (d, seed) = (players.len(), self.seed);
        let cut = |all: &[f64], k: usize| all[k * d..(k + 1) * d].to_vec();
        // what every method gives of an output: without errors, unless it says otherwise
        let plain = |base: f64, whole: f64, values: &[f64], k: usize| RowOutput {
            base,
            whole,
            values: cut(values, k),
            standard_errors: vec![0.0; d],
            ..RowOutput::default()
        };
        // exact, evaluations, degrees of freedom of the standard errors, outputs
        type Parts = (bool, u64, f64, Vec<RowOutput>);
        let count = network.outputs();
        let no_coalitions = |of: &dyn Fn(usize) -> RowOutput| -> Parts {
            (false, 0, f64::INFINITY, (0..count).map(of).collect())
        };
        let found: Vec<Parts> = match self.plan.method {
            Method::Path => path(network, players, background, rows)?
                .iter()
                .map(|row| {
                    no_coalitions(&|k| RowOutput {
                        background_errors: cut(&row.background_errors, k),
                        gap: Some(row.gap[k]),
                        ..plain(row.base[k], row.whole[k], &row.values, k)
                    })
                })
                .collect(),
            Method::Lime => {
                lime(network, players, background, rows, &LimeOptions { seed, ..LimeOptions::default() })?
                    .iter()
                    .map(|row| {
                        no_coalitions(&|k| {
                            let base = row.whole[k] - row.values[k * d..(k + 1) * d].iter().sum::<f64>();
                            RowOutput {
                                standard_errors: cut(&row.spread, k),
                                r_squared: Some(row.r_squared[k]),
                                ..plain(base, row.whole[k], &row.values, k)
                            }
                        })
                    })
                    .collect()
            }
            Method::Linear => local_linear(network, players, background, rows)?
                .iter()
                .map(|row| {
                    let features = players.width();
                    no_coalitions(&|k| RowOutput {
                        background_errors: cut(&row.background_errors, k),
                        r_squared: Some(row.r_squared[k]),
                        slopes: row.slopes[k * features..(k + 1) * features].to_vec(),
                        ..plain(row.base[k], row.whole[k], &row.values, k)
                    })
                })
                .collect(),
            Method::Auto | Method::Shapley => {
                let options =
                    ShapleyOptions { evaluations: self.plan.evaluations, seed, ..ShapleyOptions::default() };
                shapley_watched(network, players, background, rows, &options, done)?
                    .iter()
                    .map(|row| {
                        let output = |k: usize| RowOutput {
                            standard_errors: cut(&row.standard_errors, k),
                            background_errors: cut(&row.background_errors, k),
                            ..plain(row.base[k], row.whole[k], &row.values, k)
                        };
                        (row.is_exact, row.evaluations, row.freedom, (0..count).map(output).collect())
                    })
                    .collect()
            }
        };
        // many rows have the same few degrees of freedom
        let mut reaches: BTreeMap<u64, f64> = BTreeMap::new();
        for (row, (exact, evaluations, freedom, outputs)) in self.found.rows.iter_mut().zip(found) {
            let reach = *reaches.entry(freedom.to_bits()).or_insert_with(|| reach(freedom));
            *row = ExplainedRow { exact, evaluations, reach, outputs, ..std::mem::take(row) };
        }
        Ok(())
    }

    /// The network's own outputs, and where slopes are told what they are slopes in.
    fn add_activations(&mut self) {
        let width = self.players.width();
        let raw = self.network.raw(&self.rows);
        let outputs = self.found.activated.len();
        let rows = raw.chunks(outputs).zip(self.rows.chunks(width));
        for (row, (raw, inputs)) in self.found.rows.iter_mut().zip(rows) {
            let mut meant = vec![0.0; outputs];
            self.meaning.apply(raw, &mut meant);
            let activation = |(raw, prediction): (&f32, f64)| Activation { raw: f64::from(*raw), prediction };
            row.activations = raw.iter().zip(meant).map(activation).collect();
            if !self.found.features.is_empty() {
                row.inputs = inputs.to_vec();
            }
        }
    }

    /// What pairs of columns do together, over as many rows as a third of the coalitions are enough for: of each row all are
    /// taken, as they are where rows are explained exactly.
    fn add_interactions(&mut self) -> Result<()> {
        let d = self.players.len();
        if !(2..=MOST_INTERACTING).contains(&d) || self.plan.method != Method::Shapley {
            return Ok(());
        }
        let Plan { rows, evaluations, exact, .. } = self.plan;
        let count = match exact {
            true => rows.div_ceil(3),
            false => ((rows as u64 * evaluations / 3) >> d) as usize,
        };
        let count = count.min(MOST_INTERACTING_ROWS).min(rows);
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
                texts: taken.iter().map(|at| self.found.rows[*at].texts[player].as_str()).collect(),
                numbers: taken.iter().map(|at| self.found.rows[*at].numbers[player]).collect(),
            };
            let drawn = curves(&self.network, &self.players, &column)?;
            self.found.curves.extend(drawn);
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
            let over = match found.made.method {
                Method::Linear => "over the background, drawn from",
                _ => "around",
            };
            found.warnings.push(format!(
                "a line explains less than half of the variance {over} {flat} of {all} outputs (R² below 0.5): no order of columns follows from it"
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
