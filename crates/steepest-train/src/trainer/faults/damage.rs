//! Files that are not what was written.

use super::*;
use crate::finished::{FinishedRun, PredictOptions};
use crate::verify::{Replay, verify};
use steepest_data::Source;

/// Each bit of each file that is read back counts: it is found that it has changed, or nothing else is predicted.
#[test]
fn changed_bytes_of_a_run_are_found() {
    let (_dir, run) = finished_run();
    let source = Source::parse("iris");
    let predict = || FinishedRun::open(&run)?.predict(&source, &PredictOptions::default());
    let whole = predict().unwrap().outputs;
    let files = [
        "manifest.json",
        "settings.toml",
        "encoder.json",
        "summary.json",
        "trained_on.json",
        "weights.safetensors",
    ];
    let mut stream = Stream::new(b"flips\0\0\0", 0, 0);
    let mut found = 0;
    let (flips, cuts) = (cases(1500, 10_000) / files.len(), cases(300, 2000) / files.len());
    for file in files {
        let path = run.join(file);
        let bytes = fs::read(&path).unwrap();
        for at in 0..flips + cuts {
            let mut changed = bytes.clone();
            match at < flips {
                true => {
                    let bit = stream.below(8 * bytes.len() as u64) as usize;
                    changed[bit / 8] ^= 1 << (bit % 8);
                }
                false => changed.truncate(stream.below(bytes.len() as u64) as usize),
            }
            fs::write(&path, &changed).unwrap();
            match predict() {
                // blanks of the manifest say nothing
                Ok(predictions) => assert_eq!(predictions.outputs, whole, "{file}: change {at}"),
                Err(error) => {
                    found += 1;
                    assert!(error.to_string().contains(file), "{file}: {error}");
                }
            }
        }
        fs::write(&path, &bytes).unwrap();
    }
    assert!(found * 10 >= files.len() * (flips + cuts) * 9, "{found} found");
    assert_eq!(predict().unwrap().outputs, whole);
}

#[test]
fn verify_proves_the_bits_and_names_what_is_damaged() {
    let (dir, run) = finished_run();
    let found = verify(&run, None).unwrap();
    assert!(!found.is_damaged() && found.finished, "{found:?}");
    assert!(matches!(found.replay, Replay::Same { from: 0, .. }), "{found:?}");
    let contents = || -> BTreeMap<PathBuf, Vec<u8>> {
        let folders = [run.clone(), run.join("checkpoints")];
        let files = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap().flatten());
        files.filter_map(|file| Some((file.path(), fs::read(file.path()).ok()?))).collect()
    };
    let before = contents();
    verify(&run, None).unwrap();
    assert!(contents() == before, "nothing is written");

    // a checkpoint that is whole, but of other weights
    let path = checkpoint::paths(&run).pop().unwrap();
    let (mut snapshot, origin) = checkpoint::read(&path).unwrap();
    snapshot.weights[0].2[0] += 1e-6;
    checkpoint::write(&Disk, &run, &snapshot, &origin, 2).unwrap();
    let found = verify(&run, None).unwrap();
    assert!(matches!(&found.replay, Replay::Differs { what, .. } if what == &["weights"]), "{found:?}");
    assert!(found.is_damaged());

    // of another processor
    let mut other: Origin = origin.clone();
    other.identity = serde_json::from_value({
        let mut identity = serde_json::to_value(&origin.identity).unwrap();
        identity["instructions"] = "Abacus".into();
        identity
    })
    .unwrap();
    for path in checkpoint::paths(&run) {
        let (snapshot, _) = checkpoint::read(&path).unwrap();
        checkpoint::write(&Disk, &run, &snapshot, &other, 2).unwrap();
    }
    let found = verify(&run, None).unwrap();
    assert!(
        matches!(&found.replay, Replay::NotComparable { because } if because.contains("Abacus")),
        "{found:?}"
    );
    assert!(!found.is_damaged(), "another processor is no damage");

    fs::write(run.join("weights.safetensors"), "no weights").unwrap();
    let found = verify(&run, None).unwrap();
    let damaged: Vec<_> = found.files.iter().filter(|file| file.problem.is_some()).collect();
    assert_eq!((damaged.len(), damaged[0].file.as_str()), (1, "weights.safetensors"));
    assert!(found.remains.iter().any(|sentence| sentence.contains("checkpoint")), "{found:?}");
    assert!(verify(dir.path(), None).is_err());
}

/// A run that was ended by a limit of time is no damaged one, and a damaged manifest no unfinished run.
#[test]
fn what_cannot_be_known_is_not_guessed() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    let text = "[data]\nsource = 'digits'\n[train]\nmax_seconds = 0.3\npatience = 0\n[model]\nhidden = [4]";
    let settings = Settings::from_toml(text, "test").unwrap();
    let summary = Trainer::new(&settings, &Out::At(run.clone())).unwrap().run(&mut silent).unwrap();
    assert_eq!(summary.stopped_by, "max_time");
    assert!(summary.seconds < 0.3 + 0.1, "{}", summary.seconds);
    let found = verify(&run, None).unwrap();
    assert!(!found.is_damaged() && matches!(found.replay, Replay::NotComparable { .. }), "{found:?}");

    let manifest = run.join("manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replacen("true", "false", 1)).unwrap();
    let error = resume(&run, &Default::default()).unwrap_err();
    assert!(matches!(&error, Error::Damaged { path, .. } if *path == manifest), "{error}");
    // names that lead elsewhere are not read
    let elsewhere = crate::manifest::Manifest::new(
        true,
        BTreeMap::from([("/dev/zero".to_owned(), crate::manifest::FileSum::of(b""))]),
    );
    fs::write(&manifest, elsewhere.to_json()).unwrap();
    let found = verify(&run, None).unwrap();
    assert!(found.files.iter().any(|f| f.file == "/dev/zero" && f.problem.is_some()), "{found:?}");
}

/// Files that no training wrote: each is an error that names it, and nothing of the size that they claim is made.
#[test]
fn runs_from_elsewhere_are_refused() {
    let (_dir, run) = finished_run();
    // as a run of an earlier version, which nothing vouches for
    fs::remove_file(run.join("manifest.json")).unwrap();
    assert!(
        matches!(FinishedRun::open(&run), Err(Error::Damaged { .. })),
        "it has checkpoints, so it had a manifest"
    );
    fs::remove_dir_all(run.join("checkpoints")).unwrap();
    assert!(FinishedRun::open(&run).is_ok());
    let encoder: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(run.join("encoder.json")).unwrap()).unwrap();
    let changed = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut encoder = encoder.clone();
        change(&mut encoder);
        encoder.to_string()
    };
    let settings = fs::read_to_string(run.join("settings.toml")).unwrap();
    for (file, text, words) in [
        ("settings.toml", settings.replace("hidden = [4]", "hidden = [1000000000]"), "model.hidden"),
        ("settings.toml", settings.replace("hidden = [4]", "hidden = [60000, 60000]"), "weights.safetensors"),
        (
            "encoder.json",
            changed(&|e| e["target"]["classes"] = serde_json::json!([])),
            "at least two classes",
        ),
        ("encoder.json", changed(&|e| e["inputs"][0]["std"] = 0.0.into()), "standard deviation"),
        ("encoder.json", changed(&|e| e["inputs"][0]["mean"] = 1e308.into()), "standard deviation"),
        ("encoder.json", changed(&|e| e["inputs"] = serde_json::json!([])), "no features"),
    ] {
        let before = fs::read(run.join(file)).unwrap();
        fs::write(run.join(file), text).unwrap();
        let error = FinishedRun::open(&run).unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
        fs::write(run.join(file), before).unwrap();
    }
    let images = serde_json::json!({
        "kind": "images", "format": 2, "channels": 1, "height": 2_147_483_648u64, "width": 2_147_483_648u64,
        "mean": 0.1, "std": 0.3, "classes": ["0", "1"],
    });
    fs::write(run.join("encoder.json"), images.to_string()).unwrap();
    assert!(FinishedRun::open(&run).unwrap_err().to_string().contains("images of"));
    fs::write(run.join("encoder.json"), encoder.to_string()).unwrap();

    // a weight that is no number
    let mut bytes = fs::read(run.join("weights.safetensors")).unwrap();
    let end = bytes.len();
    bytes[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    fs::write(run.join("weights.safetensors"), bytes).unwrap();
    let error = FinishedRun::open(&run).unwrap_err().to_string();
    assert!(error.contains("has the value NaN"), "{error}");
}
