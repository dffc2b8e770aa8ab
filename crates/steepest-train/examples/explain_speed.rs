//! How long exact Shapley values take: a multi-layer perceptron (128, 64) on 10 columns, 100 rows against 100 rows of background, for
//! `peers/explain.py`, which has shap do the same.
//!
//! Prints one JSON object: seconds, the values, and the network, rows and background that they are of.

use safetensors::SafeTensors;
use serde_json::json;
use std::ops::ControlFlow;
use std::time::Instant;
use steepest_data::Source;
use steepest_explain::{ShapleyOptions, path, shapley};
use steepest_train::explain::ExplainOptions;
use steepest_train::{Event, FinishedRun, Out, Settings, fit};

const SETTINGS: &str = "[data]\nsource = \"SOURCE\"\n[model]\nhidden = [128, 64]\n[train]\nepochs = 20\n";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let threads: usize = std::env::args().nth(1).map_or(Ok(1), |text| text.parse())?;
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("made.csv");
    let number =
        |row: u64, column: u64| (steepest::random_at(row, column) >> 11) as f64 / (1u64 << 52) as f64 - 1.0;
    let mut text = (0..10).map(|column| format!("x{column},")).collect::<String>() + "y\n";
    for row in 0..600 {
        let x: Vec<f64> = (0..10).map(|column| number(row, column)).collect();
        let y = (3.0 * x[0] * x[1]).sin() + x[2] * x[3] * x[4] + x[5] + x[6].powi(2) + 0.3 * x[7];
        text += &x.iter().map(|x| format!("{x:.6},")).collect::<String>();
        text += &format!("{y:.6}\n");
    }
    std::fs::write(&file, &text)?;
    let rows = dir.path().join("rows.csv");
    std::fs::write(&rows, text.lines().take(101).collect::<Vec<_>>().join("\n") + "\n")?;
    let settings = SETTINGS.replace("SOURCE", &file.to_string_lossy());
    let run = dir.path().join("run");
    fit(&Settings::from_toml(&settings, "settings")?, &Out::At(run.clone()), &mut |_: &Event| {
        ControlFlow::Continue(())
    })?;
    let finished = FinishedRun::open(&run)?;
    let options = ExplainOptions { evaluations: Some(1024), ..ExplainOptions::default() };
    let explainer = finished.explainer(Some(&Source::parse(&rows.to_string_lossy())), &options)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let (model, players, background) = (explainer.model(), explainer.players(), explainer.background());
    let exact = ShapleyOptions { evaluations: 1024, ..ShapleyOptions::default() };
    let run_once = |rows: &[f64]| pool.install(|| shapley(model, players, background, rows, &exact));
    run_once(&explainer.rows()[..20])?;
    let begin = Instant::now();
    let found = run_once(explainer.rows())?;
    let seconds = begin.elapsed().as_secs_f64();
    let paths = || pool.install(|| path(model, players, background, explainer.rows()));
    paths()?;
    let begin = Instant::now();
    let along = paths()?;
    let path_seconds = begin.elapsed().as_secs_f64();
    let bytes = std::fs::read(run.join("weights.safetensors"))?;
    let weights = SafeTensors::deserialize(&bytes)?;
    let tensor = |name: String| -> Result<(Vec<f32>, Vec<usize>), safetensors::SafeTensorError> {
        let tensor = weights.tensor(&name)?;
        let numbers = tensor.data().chunks(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        Ok((numbers.collect(), tensor.shape().to_vec()))
    };
    let layers: Result<Vec<_>, safetensors::SafeTensorError> = ["hidden.0", "hidden.1", "output"]
        .into_iter()
        .map(|layer| {
            let (weight, shape) = tensor(format!("{layer}.weight"))?;
            Ok((weight, shape, tensor(format!("{layer}.bias"))?.0))
        })
        .collect();
    let values: Vec<f64> = found.iter().flat_map(|row| row.values.clone()).collect();
    let gap = along.iter().flat_map(|row| &row.gap).fold(0.0f64, |most, gap| most.max(*gap));
    println!(
        "{}",
        json!({
            "seconds": seconds,
            "path_seconds": path_seconds,
            "path_gap": gap,
            "values": values,
            "whole": found.iter().map(|row| row.whole[0]).collect::<Vec<_>>(),
            "rows": explainer.rows(),
            "background": background.data(),
            "layers": layers?,
        })
    );
    Ok(())
}
