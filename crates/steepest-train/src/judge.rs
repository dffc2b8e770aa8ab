//! By what epochs are compared, and what is to be said of the scores at the end.

use crate::error::{Error, Result};
use crate::loss::{argmax, log_softmax};
use crate::score::{Baseline, Criterion, FEW_OF_A_CLASS, Metric, Rows, cap, capped_mean, dominating};
use crate::summary;
use steepest::stop::{NotImproved, Reason};
use steepest_data::{AnyEncoder, Part, Prepared, Targets, Task, shown};

/// Compares the weights of epochs.
#[derive(Debug)]
pub(crate) struct Judge {
    pub criterion: Criterion,
    baseline: Baseline,
    /// The unit of the standardized target.
    scale: f64,
    by: By,
    /// What a row's loss counts at most, where losses are capped.
    cap: f64,
    /// Whether there are validation rows.
    validates: bool,
}

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq)]
enum By {
    /// The mean of the validation rows' capped losses.
    Capped,
    /// The mean training loss of the epoch's steps.
    Training,
    /// A metric, of the validation rows, or of the training rows where there are none.
    Metric(Metric),
}

/// How good the weights are at the end of an epoch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Validation {
    /// The plain loss on the validation rows.
    pub loss: Option<f64>,
    /// [`Judge::metric`] on the validation rows.
    pub metric: Option<f64>,
    /// The mean of the capped losses, where that is compared.
    pub capped: Option<f64>,
    /// What is compared: at least 0, and better when smaller.
    pub compared: f64,
}

impl Judge {
    /// Compares by `metric`, or by the capped loss.
    ///
    /// # Errors
    /// A metric that does not suit the task, or that the rows do not have.
    pub fn new(criterion: Criterion, metric: Option<Metric>, data: &Prepared) -> Result<Self> {
        let validates = data.validation.features.rows > 0;
        let by = match metric {
            Some(metric) => By::Metric(metric),
            None if validates => By::Capped,
            None => By::Training,
        };
        let baseline = Baseline::new(criterion.task, &data.train.targets);
        let scale = data.encoder.target_scale();
        let mut judge = Self { criterion, baseline, scale, by, cap: f64::INFINITY, validates };
        if let Some(metric) = metric {
            judge.check(metric, data)?;
        }
        let learned = match &data.train.targets {
            Targets::Values(values) => {
                Targets::Values(within(data.encoder.target_limit(), values.iter().copied()))
            }
            Targets::Classes(codes) => Targets::Classes(codes.clone()),
        };
        let [validation, learned] =
            [&data.validation.targets, &learned].map(|targets| judge.baseline_rows(targets));
        judge.cap = cap(judge.criterion.task, validation.losses(), learned.losses());
        Ok(judge)
    }

    fn check(&self, metric: Metric, data: &Prepared) -> Result<()> {
        let task = self.criterion.task;
        let expected = if !metric.suits(task) {
            let suits = Metric::ALL.iter().filter(|metric| metric.suits(task)).map(|metric| metric.name());
            let what = if task.is_classification() { "a class" } else { "a number" };
            format!("a metric for {what}: {}", suits.collect::<Vec<_>>().join(", "))
        } else if self.baseline_rows(&self.part(data).targets).value_of_all(metric).is_none() {
            let part = if self.validates { "validation" } else { "training" };
            format!("a metric that can be computed from the {part} rows, such as loss")
        } else {
            return Ok(());
        };
        Err(Error::BadSetting { key: "train.metric", found: metric.to_string(), expected })
    }

    /// The rows that are judged by a metric.
    fn part<'a>(&self, data: &'a Prepared) -> &'a Part {
        if self.validates { &data.validation } else { &data.train }
    }

    /// The rows that must be seen at the end of each epoch; none where the training loss is compared.
    pub fn judged<'a>(&self, data: &'a Prepared) -> Option<&'a Part> {
        (self.by != By::Training).then(|| self.part(data))
    }

    fn baseline_rows<'a>(&self, targets: &'a Targets) -> Rows<'a> {
        self.criterion.rows(&self.baseline.outputs(targets.len()), targets, self.scale)
    }

    /// What is compared, in words.
    pub fn name(&self) -> String {
        let part = if self.validates { "validation" } else { "training" };
        match self.by {
            By::Capped => "capped validation loss".to_owned(),
            By::Training => "training loss".to_owned(),
            By::Metric(metric) => format!("{part} {metric}"),
        }
    }

    /// The metric that is shown beside the loss.
    pub fn metric(&self) -> Metric {
        match (self.by, self.criterion.task) {
            (By::Metric(metric), _) if metric != Metric::Loss => metric,
            (_, Task::Regression) => Metric::Rmse,
            _ => Metric::Accuracy,
        }
    }

    /// A reason to stop, with the metric as it is called and not as rules compare it.
    pub fn named(&self, mut reason: Reason) -> Reason {
        if let (By::Metric(metric), Reason::NoImprovement(NotImproved { best: Some(best), .. })) =
            (self.by, &mut reason)
        {
            best.value = metric.shortfall(best.value);
        }
        reason
    }

    /// Judges outputs for [`Judge::judged`].
    pub fn validate(&self, outputs: &[f32], targets: &Targets) -> Validation {
        let rows = self.criterion.rows(outputs, targets, self.scale);
        let shown = |metric| self.validates.then(|| rows.value_of_all(metric)).flatten();
        let capped = match self.by {
            By::Capped => Some(capped_mean(rows.losses(), self.cap)),
            _ => None,
        };
        let compared = match self.by {
            By::Metric(metric) => rows.value_of_all(metric).map(|value| metric.shortfall(value)),
            _ => capped,
        };
        Validation {
            loss: shown(Metric::Loss),
            metric: shown(self.metric()),
            capped,
            compared: compared.unwrap_or(f64::NAN),
        }
    }

    /// The loss of each row, capped as where epochs are compared.
    pub fn row_losses(&self, outputs: &[f32], targets: &Targets) -> Vec<f64> {
        // NaN stays NaN
        let capped = |loss: f64| if loss > self.cap { self.cap } else { loss };
        self.losses(outputs, targets).into_iter().map(capped).collect()
    }

    /// The loss of each row.
    pub fn losses(&self, outputs: &[f32], targets: &Targets) -> Vec<f64> {
        self.criterion.rows(outputs, targets, self.scale).losses().to_vec()
    }

    /// Judges by the training loss alone.
    pub fn trained(loss: f64) -> Validation {
        Validation { loss: None, metric: None, capped: None, compared: loss }
    }

    /// What the baseline would score.
    pub fn baseline(&self, data: &Prepared) -> summary::Baseline {
        let score = |part: &Part| {
            let outputs = self.baseline.outputs(part.features.rows);
            self.criterion.estimate(&outputs, &part.targets, &data.encoder)
        };
        summary::Baseline {
            predicts: self.predicts(&data.encoder),
            validation: score(&data.validation),
            test: score(&data.test),
        }
    }

    fn predicts(&self, encoder: &AnyEncoder) -> String {
        let row = self.baseline.row();
        match self.criterion.task {
            Task::Regression => format!("{} for every row", encoder.invert_target(row[0]) as f32),
            _ => format!(
                "{:?} for every row, the frequencies of training as probabilities",
                shown(encoder.decode_class(argmax(&log_softmax(row)) as u32))
            ),
        }
    }

    /// What the scores do not say by themselves; `outputs` are those of the validation and the test rows.
    pub fn notes(&self, data: &Prepared, outputs: &[Vec<f32>]) -> Vec<String> {
        let mut notes = Vec::new();
        notes.extend(few_rows(data));
        if outputs.iter().flatten().any(|output| !output.is_finite()) {
            return notes;
        }
        let parts = [&data.validation, &data.test];
        let mut gains = Vec::new();
        for ((part, outputs), name) in parts.into_iter().zip(outputs).zip(["validation", "test"]) {
            let rows = self.criterion.rows(outputs, &part.targets, self.scale);
            let baseline = self.baseline_rows(&part.targets);
            if let Some((heavy, share)) = dominating(rows.losses(), self.cap) {
                let many = heavy.len() > 1;
                let heavy: Vec<String> = heavy.iter().map(|row| part.places[*row].to_string()).collect();
                notes.push(format!(
                    "{} of the {} {name} rows ({}) {} {:.0} % of the {name} loss",
                    heavy.len(),
                    part.features.rows,
                    heavy.join(", "),
                    if many { "make" } else { "makes" },
                    100.0 * share
                ));
            }
            let capped = |loss: &f64| loss.min(self.cap);
            gains.extend(baseline.losses().iter().zip(rows.losses()).map(|(b, n)| capped(b) - capped(n)));
        }
        notes.extend(self.no_better(&gains));
        notes
    }

    /// Says so where the network's row losses are not clearly below the baseline's.
    fn no_better(&self, gains: &[f64]) -> Option<String> {
        if gains.len() < FEWEST_TO_COMPARE || gains.iter().any(|gain| gain.is_nan()) {
            return None;
        }
        let mean = gains.iter().sum::<f64>() / gains.len() as f64;
        let [low, high] = self.criterion.interval_of_mean(gains).unwrap_or([mean; 2]);
        if low > 0.0 {
            return None;
        }
        let rows = format!("on the {} validation and test rows the network is", gains.len());
        Some(if high < 0.0 {
            let [mean, least, most] = [mean, high, low].map(|gain| -gain);
            format!(
                "{rows} worse than the baseline: its loss is {mean:.3} more (95 %: {least:.3} to {most:.3})"
            )
        } else {
            format!(
                "{rows} not clearly better than the baseline: its loss is {mean:.3} less (95 %: {low:.3} to {high:.3})"
            )
        })
    }
}

/// Standardized targets as training takes them: none farther out than `limit`.
pub(crate) fn within(limit: f64, values: impl Iterator<Item = f32>) -> Vec<f32> {
    let limit = limit as f32;
    values.map(|value| value.clamp(-limit, limit)).collect()
}

/// Fewest rows from which network and baseline are compared.
const FEWEST_TO_COMPARE: usize = 20;
/// Most classes that a note names.
const MOST_NAMED: usize = 3;

/// Names the classes that have few rows in a part.
fn few_rows(data: &Prepared) -> Option<String> {
    let parts = [(&data.train, "to train on"), (&data.validation, "to validate"), (&data.test, "to test")];
    let parts = parts.map(|(part, what)| (rows_of_classes(part, data.task), what));
    let parts: Vec<_> = parts.into_iter().filter(|(rows, _)| rows.iter().any(|n| *n > 0)).collect();
    let few = |class: usize| parts.iter().any(|(rows, _)| rows[class] < FEW_OF_A_CLASS);
    let classes: Vec<usize> = (0..data.task.class_count()).filter(|class| few(*class)).collect();
    let named = classes.iter().take(MOST_NAMED).map(|class| {
        let count = |(rows, what): &(Vec<u64>, &str)| match rows[*class] {
            0 => format!("none {what}"),
            rows => format!("{rows} {what}"),
        };
        let counts: Vec<String> = parts.iter().map(count).collect();
        format!("{:?} ({})", shown(data.encoder.decode_class(*class as u32)), counts.join(", "))
    });
    let named = named.collect::<Vec<_>>().join(", ");
    match classes.len() {
        0 => None,
        1 => Some(format!("few rows are of the class {named}: scores say little about it")),
        n if n <= MOST_NAMED => {
            Some(format!("few rows are of the classes {named}: scores say little about them"))
        }
        n => Some(format!(
            "few rows are of {n} of {} classes, such as {named}: scores say little about them",
            data.task.class_count()
        )),
    }
}

fn rows_of_classes(part: &Part, task: Task) -> Vec<u64> {
    let mut rows = vec![0; task.class_count()];
    if let Targets::Classes(codes) = &part.targets {
        codes.iter().for_each(|code| rows[*code as usize] += 1);
    }
    rows
}
