//! What is found of a row.

/// What a row's outputs are made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Of each output, the mean over the background.
    pub base: Vec<f64>,
    /// Each output of the row: the base and the values add up to it.
    pub whole: Vec<f64>,
    /// `outputs × players`: what each player adds, in the unit of the outputs.
    pub values: Vec<f64>,
    /// `outputs × players`: the standard error of estimating, 0 where it is exact.
    pub standard_errors: Vec<f64>,
    /// `outputs × players`: the standard error that comes from the choice of the background, as bootstrapping its rows gives in the
    /// limit of many draws: √(Σ_b (φ_b − φ)²) / rows.
    pub background_errors: Vec<f64>,
    /// Whether all coalitions were taken.
    pub is_exact: bool,
    /// Degrees of freedom of the standard errors; see [`reach`](crate::reach).
    pub freedom: f64,
    /// How many coalitions were taken.
    pub evaluations: u64,
    /// How many rows the model evaluated for it.
    pub model_rows: u64,
}

impl Row {
    pub(super) fn new(outputs: usize, players: usize) -> Self {
        let zeros = || vec![0.0; outputs * players];
        Self {
            base: vec![0.0; outputs],
            whole: vec![0.0; outputs],
            values: zeros(),
            standard_errors: zeros(),
            background_errors: zeros(),
            is_exact: true,
            freedom: f64::INFINITY,
            evaluations: 0,
            model_rows: 0,
        }
    }

    /// What one output is made of.
    pub fn of_output(&self, output: usize) -> &[f64] {
        let players = self.values.len() / self.base.len();
        &self.values[output * players..(output + 1) * players]
    }
}
