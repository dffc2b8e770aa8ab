//! What needs burn: settings, weights, run directories and checkpoints.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::OnceLock;

use burn::tensor::Device;
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use sha2::{Digest, Sha256};
use steepest_burn::{NamedTensor, load_weights, named_tensors, save_weights};
use steepest_data::Source;
use steepest_train::model::{Activation, CnnConfig, MlpConfig, Model, ModelConfig};
use steepest_train::{
    Event, FinishedRun, Observer, Out, Outputs, PredictOptions, ResumeOptions, Settings, Trainer, fit,
};

use crate::choices::Choices;
use crate::folder::{FOLDER, Folder};

/// Settings as TOML: what loads saves to a text that loads and saves alike, and can be checked.
pub fn settings(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(settings) = Settings::from_toml(text, "run.toml") else { return };
    let saved = settings.to_toml();
    let again = Settings::from_toml(&saved, "settings.toml").expect("settings load what they saved");
    assert_eq!(again.to_toml(), saved, "settings save what they loaded");
    let _ = settings.check();
    let _ = settings.data.read_options(settings.train.seed);
}

fn networks() -> [ModelConfig; 2] {
    let mlp = MlpConfig {
        inputs: 3,
        hidden: vec![4],
        outputs: 2,
        activation: Activation::Relu,
        dropout: 0.0,
        layer_norm: true,
        ..MlpConfig::default()
    };
    [ModelConfig::Mlp(mlp), ModelConfig::Cnn(CnnConfig { image: [1, 4, 4], outputs: 2, dropout: 0.0 })]
}

/// The first byte chooses a network, the others are its weights: those that load save to a file that loads to the same;
/// those that do not change nothing.
pub fn weights(bytes: &[u8]) {
    static INITIAL: OnceLock<[Model; 2]> = OnceLock::new();
    let initial = INITIAL.get_or_init(|| networks().map(|network| network.init(0, &Device::flex())));
    let mut choices = Choices::new(bytes);
    let initial = choices.one(&[&initial[0], &initial[1]]);
    let mut model = initial.clone();
    FOLDER.with(|folder| {
        if load_weights(&mut model, folder.file("weights.safetensors", choices.rest())).is_err() {
            assert_eq!(bits(&model), bits(initial), "an error changes nothing");
            return;
        }
        let saved = folder.path().join("saved.safetensors");
        save_weights(&model, &saved).expect("weights save");
        let mut again = initial.clone();
        load_weights(&mut again, &saved).expect("weights load what they saved");
        assert_eq!(bits(&again), bits(&model), "weights save what they loaded");
    });
}

fn bits(model: &Model) -> Vec<(String, Vec<u32>)> {
    let bits = |(name, _, values): NamedTensor| (name, values.iter().map(|x| x.to_bits()).collect());
    named_tensors(model).into_iter().map(bits).collect()
}

/// A run over a small table, made once.
struct Run {
    folder: Folder,
    /// Its files by their names in it.
    files: HashMap<String, Vec<u8>>,
    /// A checkpoint from its middle.
    checkpoint: Vec<u8>,
}

/// The table that is learned from and predicted, in its folder.
const TABLE: &str = "table.csv";
/// The first of its rows: scores of many rows take long.
const FEW: &str = "few.csv";
/// The directory of the run, beside it.
const RUN: &str = "run";
/// The files that can be replaced.
const FILES: [&str; 6] = [
    "settings.toml",
    "encoder.json",
    "summary.json",
    "trained_on.json",
    "weights.safetensors",
    "optimizer.safetensors",
];

struct Silent;

impl Observer for Silent {
    fn observe(&mut self, _: &Event) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

impl Run {
    fn new() -> Self {
        let folder = Folder::new();
        let table = folder.file(TABLE, include_bytes!("../run/table.csv"));
        let few: Vec<&str> = include_str!("../run/table.csv").lines().take(9).collect();
        folder.file(FEW, few.join("\n").as_bytes());
        let mut settings =
            Settings::from_toml(include_str!("../run/settings.toml"), "settings.toml").expect("settings");
        settings.data.source = table.display().to_string();
        let path = folder.path().join(RUN);
        fit(&settings, &Out::At(path.clone()), &mut Silent).expect("a run");
        // it has the checksums of the others, which runs of the first version have not
        let _ = std::fs::remove_file(path.join("manifest.json"));
        let files =
            std::fs::read_dir(&path).expect("a folder").flatten().filter(|entry| entry.path().is_file());
        let files = files
            .map(|entry| {
                (
                    entry.file_name().into_string().expect("a name"),
                    std::fs::read(entry.path()).expect("a file"),
                )
            })
            .collect();
        let mut checkpoints: Vec<_> = std::fs::read_dir(path.join("checkpoints"))
            .expect("a folder")
            .flatten()
            .map(|entry| entry.path())
            .collect();
        checkpoints.sort();
        let checkpoint = std::fs::read(&checkpoints[checkpoints.len() / 2]).expect("a checkpoint");
        // with them it would be a run that has lost its manifest
        let _ = std::fs::remove_dir_all(path.join("checkpoints"));
        Self { folder, files, checkpoint }
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join(RUN)
    }
}

thread_local! {
    static MADE: Run = Run::new();
}

/// A run of which one file, chosen by the first byte, is replaced by the other bytes: it opens and predicts, or says why
/// not.
pub fn run(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let name = choices.one(&FILES);
    MADE.with(|run| {
        let file = run.path().join(name);
        std::fs::write(&file, choices.rest()).expect("a file");
        open_and_predict(&run.path(), &run.folder.path().join(FEW));
        std::fs::write(&file, &run.files[name]).expect("a file");
    });
}

fn open_and_predict(run: &Path, table: &Path) {
    let Ok(run) = FinishedRun::open(run) else { return };
    let Ok(predictions) = run.predict(&Source::File(table.to_owned()), &PredictOptions::default()) else {
        return;
    };
    match predictions.outputs {
        Outputs::Numbers(numbers) => assert!(!numbers.is_empty()),
        Outputs::Classes { codes, classes, probabilities } => {
            assert_eq!(probabilities.len(), codes.len() * classes.len());
            assert!(codes.iter().all(|&code| (code as usize) < classes.len()));
        }
    }
}

/// A run that was cut, with a checkpoint of these bytes; or with what stands in the header of one, as if it had been
/// written so; or with these metrics: it goes on, or says why not.
pub fn checkpoint(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let what = choices.byte();
    let bytes = choices.rest();
    MADE.with(|made| {
        let checkpoint = match what {
            0 => bytes.to_vec(),
            1 => match with_header(&made.checkpoint, bytes) {
                Some(checkpoint) => checkpoint,
                None => return,
            },
            _ => made.checkpoint.clone(),
        };
        let path = made.folder.path().join("cut");
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(path.join("checkpoints")).expect("a folder");
        let write = |name: &str, bytes: &[u8]| std::fs::write(path.join(name), bytes).expect("a file");
        write("settings.toml", &made.files["settings.toml"]);
        write("checkpoints/000000006.safetensors", &checkpoint);
        write("metrics.jsonl", if what > 1 { bytes } else { &made.files["metrics.jsonl"] });
        if let Ok(trainer) = Trainer::resume(&path, &ResumeOptions::default()) {
            let _ = trainer.run(&mut Silent);
        }
    });
}

/// The checkpoint with this text in its header, and the right checksum of it: what is damaged does not get so far.
fn with_header(checkpoint: &[u8], text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    let file = SafeTensors::deserialize(checkpoint).expect("a checkpoint");
    let sum: String = Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    let header = HashMap::from([("checkpoint".to_owned(), text.to_owned()), ("sha256".to_owned(), sum)]);
    let tensors: Vec<(String, TensorView<'_>)> =
        file.tensors().into_iter().map(|(name, view)| (name.to_owned(), view)).collect();
    safetensors::serialize(tensors, Some(header)).ok()
}
