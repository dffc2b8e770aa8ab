//! What becomes of a run when files fail, power is cut, processes are killed and bytes change.
//!
//! `STEEPEST_LONG=1` takes the long form of the tests: 200 kills, 10,000 flipped bits.

use super::tests::{small_run, until};
use super::*;
use crate::checkpoint::{self, Found, Origin};
use crate::error::Error;
use crate::event::Event;
use crate::finished::{FinishedRun, PredictOptions};
use crate::run_dir::Out;
use crate::settings::{Rate, Settings};
use crate::state::Snapshot;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;
use steepest::{Disk, FileSystem, OpenFile};
use steepest_data::{Source, random::Stream};

/// How many cases of something long: few in every test run, many where they were asked for.
fn cases(few: usize, many: usize) -> usize {
    if std::env::var_os("STEEPEST_LONG").is_some() { many } else { few }
}

/// What is asked before each operation of a file system.
trait Watch: std::fmt::Debug + Send + Sync {
    /// An error instead of the operation; or how many bytes of a write are written.
    fn before(&self, operation: Operation<'_>) -> io::Result<usize>;
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Operation<'a> {
    Create(&'a Path),
    Write(&'a Path, &'a [u8]),
    Sync(&'a Path),
    Rename(&'a Path, &'a Path),
    Remove(&'a Path),
    Folder(&'a Path),
    SyncFolder(&'a Path),
}

/// The disk, under watch.
#[derive(Debug, Clone)]
struct Watched<W>(Arc<W>);

#[derive(Debug)]
struct WatchedFile<W> {
    watch: Arc<W>,
    path: PathBuf,
    file: Box<dyn OpenFile>,
}

impl<W: Watch> Write for WatchedFile<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.watch.before(Operation::Write(&self.path, bytes))?.min(bytes.len());
        self.file.write_all(&bytes[..length])?;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl<W: Watch> OpenFile for WatchedFile<W> {
    fn sync(&mut self) -> io::Result<()> {
        self.watch.before(Operation::Sync(&self.path))?;
        self.file.sync()
    }
}

impl<W: Watch + 'static> Watched<W> {
    fn file(&self, path: &Path, file: Box<dyn OpenFile>) -> Box<dyn OpenFile> {
        Box::new(WatchedFile { watch: Arc::clone(&self.0), path: path.to_owned(), file })
    }
}

impl<W: Watch + 'static> FileSystem for Watched<W> {
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        self.0.before(Operation::Create(path))?;
        Ok(self.file(path, Disk.create_new(path)?))
    }

    fn open_behind(&self, path: &Path, length: u64) -> io::Result<Box<dyn OpenFile>> {
        self.0.before(Operation::Create(path))?;
        Ok(self.file(path, Disk.open_behind(path, length)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.before(Operation::Rename(from, to))?;
        Disk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.before(Operation::Remove(path))?;
        Disk.remove(path)
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        self.0.before(Operation::Folder(path))?;
        Disk.create_folder(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.0.before(Operation::SyncFolder(path))?;
        Disk.sync_folder(path)
    }
}

/// From its `from`-th operation on, `count` of them fail.
#[derive(Debug)]
struct Failing {
    from: usize,
    count: usize,
    how: io::ErrorKind,
    done: Mutex<usize>,
}

impl Watch for Failing {
    fn before(&self, operation: Operation<'_>) -> io::Result<usize> {
        let mut done = self.done.lock().unwrap();
        let now = *done;
        *done += 1;
        if !(self.from..self.from.saturating_add(self.count)).contains(&now) {
            return Ok(usize::MAX);
        }
        match (self.how, operation) {
            // half of the bytes
            (io::ErrorKind::WriteZero, Operation::Write(_, bytes)) => Ok(bytes.len().div_ceil(2)),
            // and no signal comes while a folder is made
            (io::ErrorKind::WriteZero, _) | (io::ErrorKind::Interrupted, Operation::Folder(_)) => {
                Ok(usize::MAX)
            }
            (how, _) => Err(how.into()),
        }
    }
}

#[test]
fn whatever_operation_fails_a_checkpoint_is_there_and_nothing_is_left() {
    use io::ErrorKind as K;
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    let (mut trainer, origin) = small_run(&run);
    let snapshots: Vec<Snapshot> = (1..=3).map(|step| until(&mut trainer, step)).collect();
    drop(trainer);
    let folder = run.join("checkpoints");
    let write =
        |system: &dyn FileSystem, at: usize| checkpoint::write(system, &run, &snapshots[at], &origin, 2);
    let latest = || checkpoint::latest(&run).unwrap().unwrap().snapshot;
    // an I/O error, a full disk, a signal, a short write; one operation, and all from there on
    for (how, harmless) in
        [(K::Other, false), (K::StorageFull, false), (K::Interrupted, true), (K::WriteZero, true)]
    {
        for count in [1, usize::MAX] {
            // that a signal comes for ever is not so
            if how == K::Interrupted && count > 1 {
                continue;
            }
            for from in 0.. {
                fs::remove_dir_all(&folder).unwrap();
                write(&Disk, 0).unwrap();
                let failing = Arc::new(Failing { from, count, how, done: Mutex::new(0) });
                let outcome = write(&Watched(Arc::clone(&failing)), 1);
                let all = *failing.done.lock().unwrap();
                match &outcome {
                    Ok(()) => assert_eq!(latest(), snapshots[1], "{how} at {from}"),
                    Err(error) => {
                        assert!(!harmless, "{how} at {from}: {error}");
                        assert!(error.to_string().contains("checkpoints"), "{error}");
                        assert!(error.to_string().contains(&io::Error::from(how).to_string()), "{error}");
                        // the new one only where the folder alone did not reach the disk
                        assert!([&snapshots[0], &snapshots[1]].contains(&&latest()), "{how} at {from}");
                    }
                }
                write(&Disk, 2).unwrap();
                assert_eq!(latest(), snapshots[2]);
                let left: Vec<_> = fs::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name()).collect();
                assert!(left.iter().all(|name| name.to_str().unwrap().ends_with(".safetensors")), "{left:?}");
                if all <= from {
                    assert!(from > 4, "too few operations were tried");
                    break;
                }
            }
        }
    }
}

/// Remembers every operation.
#[derive(Debug, Default)]
struct Recording(Mutex<Vec<Recorded>>);

#[derive(Debug, Clone)]
enum Recorded {
    Create(PathBuf),
    Write(PathBuf, Vec<u8>),
    Sync(PathBuf),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
    SyncFolder(PathBuf),
    /// A save has returned: from here on its checkpoint must last.
    Saved(usize),
}

impl Watch for Recording {
    fn before(&self, operation: Operation<'_>) -> io::Result<usize> {
        let own = Path::to_owned;
        self.0.lock().unwrap().push(match operation {
            Operation::Create(path) => Recorded::Create(own(path)),
            Operation::Write(path, bytes) => Recorded::Write(own(path), bytes.to_vec()),
            Operation::Sync(path) => Recorded::Sync(own(path)),
            Operation::Rename(from, to) => Recorded::Rename(own(from), own(to)),
            Operation::Remove(path) => Recorded::Remove(own(path)),
            Operation::SyncFolder(path) => Recorded::SyncFolder(own(path)),
            Operation::Folder(_) => return Ok(usize::MAX),
        });
        Ok(usize::MAX)
    }
}

/// Which of some operations the disk cannot have lost, when power is cut behind them: writes before a sync of their file,
/// names before a sync of their folder.
fn durable(operations: &[Recorded]) -> Vec<bool> {
    let synced_later = |at: usize, matches: &dyn Fn(&Recorded) -> bool| operations[at..].iter().any(matches);
    let folder_synced = |at: usize, path: &Path| {
        synced_later(
            at,
            &|later| matches!(later, Recorded::SyncFolder(f) if Some(f.as_path()) == path.parent()),
        )
    };
    (0..operations.len())
        .map(|at| match &operations[at] {
            Recorded::Write(path, _) => {
                synced_later(at, &|later| matches!(later, Recorded::Sync(file) if file == path))
            }
            Recorded::Create(path) | Recorded::Remove(path) | Recorded::Rename(_, path) => {
                folder_synced(at, path)
            }
            Recorded::Sync(_) | Recorded::SyncFolder(_) | Recorded::Saved(_) => true,
        })
        .collect()
}

/// The files that are there after those operations that were not lost.
fn files_after(operations: &[Recorded], kept: &[bool]) -> BTreeMap<PathBuf, Vec<u8>> {
    // what was written lies in the file, whatever became of its name
    let mut bytes: BTreeMap<&Path, Vec<u8>> = BTreeMap::new();
    let mut names: BTreeMap<PathBuf, &Path> = BTreeMap::new();
    for (operation, kept) in operations.iter().zip(kept) {
        match operation {
            Recorded::Create(path) => {
                bytes.insert(path, Vec::new());
                if *kept {
                    names.insert(path.clone(), path);
                }
            }
            Recorded::Write(path, more) if *kept => bytes.get_mut(path.as_path()).unwrap().extend(more),
            // a part of it may have reached the disk
            Recorded::Write(path, more) => {
                bytes.get_mut(path.as_path()).unwrap().extend(&more[..more.len() / 3]);
            }
            Recorded::Rename(from, to) if *kept => {
                names.remove(from);
                names.insert(to.clone(), from);
            }
            Recorded::Remove(path) if *kept => drop(names.remove(path)),
            _ => {}
        }
    }
    names.into_iter().map(|(name, file)| (name, bytes[file].clone())).collect()
}

/// A power cut after each operation of several saves, with every suffix of what was not synced lost, and with arbitrary
/// parts of it lost.
#[test]
fn after_a_power_cut_the_old_or_the_new_checkpoint_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    let (mut trainer, origin) = small_run(&run);
    let snapshots: Vec<Snapshot> = (1..=8).map(|step| until(&mut trainer, step)).collect();
    drop(trainer);
    fs::remove_dir_all(run.join("checkpoints")).unwrap();
    let recording = Arc::new(Recording::default());
    for (at, snapshot) in snapshots.iter().enumerate() {
        checkpoint::write(&Watched(Arc::clone(&recording)), &run, snapshot, &origin, 2).unwrap();
        recording.0.lock().unwrap().push(Recorded::Saved(at));
    }
    let operations = recording.0.lock().unwrap().clone();
    let first = operations.iter().position(|op| matches!(op, Recorded::Saved(0))).unwrap();
    let mut stream = Stream::new(b"cuts\0\0\0\0", 0, 0);
    let mut seen = 0;
    for cut in first + 1..=operations.len() {
        let before = &operations[..cut];
        let saved = before.iter().rev().find_map(|op| match op {
            Recorded::Saved(at) => Some(*at),
            _ => None,
        });
        let saved = saved.unwrap();
        let durable = durable(before);
        let loose: Vec<usize> = (0..cut).filter(|at| !durable[*at]).collect();
        let suffixes = (0..=loose.len()).map(|kept| loose[kept..].to_vec());
        let parts: Vec<Vec<usize>> =
            (0..20).map(|_| loose.iter().copied().filter(|_| stream.bits() & 1 == 0).collect()).collect();
        for lost in suffixes.chain(parts) {
            let kept: Vec<bool> = (0..cut).map(|at| !lost.contains(&at)).collect();
            let after = dir.path().join("after");
            let _ = fs::remove_dir_all(&after);
            fs::create_dir_all(after.join("checkpoints")).unwrap();
            for (name, bytes) in files_after(before, &kept) {
                fs::write(after.join("checkpoints").join(name.file_name().unwrap()), bytes).unwrap();
            }
            let found = checkpoint::latest(&after).unwrap().unwrap().snapshot;
            let next = (saved + 1).min(snapshots.len() - 1);
            assert!(found == snapshots[saved] || found == snapshots[next], "cut at {cut}, lost {lost:?}");
            seen += 1;
        }
    }
    assert!(seen >= 1000, "{seen} states");
}

/// Every operation takes its time, and the test that kills this process is told when a save begins and ends.
#[derive(Debug)]
struct Pausing(Mutex<Stream>);

impl Watch for Pausing {
    fn before(&self, operation: Operation<'_>) -> io::Result<usize> {
        let is_checkpoint = |path: &Path| path.parent().is_some_and(|folder| folder.ends_with("checkpoints"));
        match operation {
            Operation::Create(path) if is_checkpoint(path) => say("in"),
            Operation::Create(_) => return Ok(usize::MAX),
            Operation::SyncFolder(path) if path.ends_with("checkpoints") => say("out"),
            _ => {}
        }
        let microseconds = self.0.lock().unwrap().below(6_000);
        std::thread::sleep(Duration::from_micros(microseconds));
        Ok(usize::MAX)
    }
}

fn say(word: &str) {
    let mut out = io::stdout().lock();
    // nobody listens where this process is not meant to be killed
    let _ = writeln!(out, "\n{word}").and_then(|()| out.flush());
}

const CHILD: &str = "STEEPEST_TEST_RUN";

/// No test of its own: what the next one starts and kills.
#[test]
fn a_run_to_be_killed() {
    let Some(run) = std::env::var_os(CHILD) else { return };
    let system: Arc<dyn FileSystem> = Arc::new(Watched(Arc::new(Pausing(Mutex::new(Stream::new(
        b"pauses\0\0",
        std::process::id().into(),
        0,
    ))))));
    say("run");
    Trainer::new_on(system, &killed_settings(), &Out::At(run.into())).unwrap().run(&mut silent).unwrap();
    say("end");
}

fn silent(_: &Event) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn killed_settings() -> Settings {
    let text = "[data]\nsource = 'iris'\n[model]\nhidden = [8]\n[train]\nbatch = 16\nepochs = 120\npatience = 0\n\
                save_every = '10steps'\n[optimizer]\nname = 'adamw'\nlr = 0.02\n";
    Settings::from_toml(text, "test").unwrap()
}

/// What a run directory gives once no other process has its lock: one that another test is just starting has for a moment
/// whatever this process has open.
fn unlocked<T>(open: impl Fn() -> Result<T>) -> Result<T> {
    for _ in 0..200 {
        match open() {
            Err(Error::RunInUse { .. }) => std::thread::sleep(Duration::from_millis(10)),
            opened => return opened,
        }
    }
    open()
}

fn resume(run: &Path, how: &super::begin::ResumeOptions) -> Result<Trainer> {
    unlocked(|| Trainer::resume(run, how))
}

/// What has to be the same.
fn left_by(run: &Path) -> (Vec<u8>, Vec<u8>, Vec<String>) {
    let read = |file: &str| fs::read(run.join(file)).unwrap();
    let without_clock = |line: &str| {
        let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
        let fields = line.as_object_mut().unwrap();
        ["seconds", "samples_per_second"].iter().for_each(|clock| drop(fields.remove(*clock)));
        line.to_string()
    };
    let metrics = String::from_utf8(read("metrics.jsonl")).unwrap();
    let metrics = metrics.lines().map(without_clock).collect();
    (read("weights.safetensors"), read("optimizer.safetensors"), metrics)
}

#[test]
fn a_run_that_is_killed_anywhere_also_inside_a_save_ends_with_the_same_bits() {
    let dir = tempfile::tempdir().unwrap();
    let whole = dir.path().join("whole");
    Trainer::new(&killed_settings(), &Out::At(whole.clone())).unwrap().run(&mut silent).unwrap();
    let whole = left_by(&whole);
    let mut stream = Stream::new(b"kills\0\0\0", 1, 0);
    let (mut killed, mut inside) = (0, 0);
    let kills = cases(8, 200);
    for attempt in 0.. {
        assert!(attempt < 4 * kills, "the run ends before it can be killed");
        if killed == kills {
            break;
        }
        let run = dir.path().join(format!("run{attempt}"));
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "trainer::faults::a_run_to_be_killed", "--nocapture"])
            .env(CHILD, &run)
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        assert!(lines.any(|line| line == "run"));
        let last = Arc::new(Mutex::new(String::new()));
        let heard = Arc::clone(&last);
        let listener = std::thread::spawn(move || {
            lines.filter(|line| !line.is_empty()).for_each(|line| *heard.lock().unwrap() = line);
        });
        std::thread::sleep(Duration::from_micros(stream.below(400_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        listener.join().unwrap();
        let last = last.lock().unwrap().clone();
        // at its end, or before its first file
        if last == "end" || last.starts_with("test") || !run.join("settings.toml").exists() {
            continue;
        }
        killed += 1;
        inside += usize::from(last == "in");
        // it may have been killed after its last file
        if !crate::run_dir::is_finished(&run).unwrap() {
            resume(&run, &Default::default()).unwrap().run(&mut silent).unwrap();
        }
        assert!(left_by(&run) == whole, "kill {killed}, in {last:?}");
        let parts = fs::read_dir(&run)
            .unwrap()
            .filter(|entry| entry.as_ref().unwrap().file_name().to_str().unwrap().ends_with(".part"));
        assert_eq!(parts.count(), 0, "half a file was left");
        fs::remove_dir_all(&run).unwrap();
    }
    println!("{killed} kills, {inside} inside a save");
    // few kills say little of a share
    let enough = if killed < 100 { 1 } else { killed * 4 / 10 };
    assert!(inside >= enough, "{inside} of {killed} kills inside a save");
}

/// All settings of an optimizer that are numbers a little off their defaults, where it takes them.
fn off_defaults(name: &str) -> String {
    let entry = steepest::registry::find(name).unwrap();
    let mut settings = steepest::settings::Values::new();
    for parameter in (entry.parameters)() {
        let Ok(default) = parameter.default.to_string().parse::<f64>() else { continue };
        if default == 0.0 || default.fract() == 0.0 {
            continue;
        }
        let mut tried = settings.clone();
        tried.insert(parameter.name.to_owned(), steepest::settings::Value::Number(default * 0.97));
        if entry.make(&tried).is_ok() {
            settings = tried;
        }
    }
    settings.iter().map(|(key, value)| format!("{key} = {value}\n")).collect()
}

/// 25 points of a run with each optimizer, in the middle of epochs and at their ends, with a rate that falls on a plateau.
#[test]
fn every_optimizer_goes_on_from_any_step_to_the_same_bits() {
    const STEPS: u64 = 25;
    for entry in steepest::registry::OPTIMIZERS {
        let (name, settings) = (entry.name, off_defaults(entry.name));
        let text = format!(
            "[data]\nsource = 'iris'\n[model]\nhidden = [5]\nlayer_norm = true\n[train]\nbatch = 16\nepochs = 4\n\
             [schedule]\nname = 'reduce_on_plateau'\npatience = 0\nthreshold = 0.5\nfactor = 0.5\n\
             [optimizer]\nname = '{name}'\nlr = {}\nclip_norm = 0.7\n{settings}",
            entry.default_lr * 0.9
        );
        let plan = Settings::from_toml(&text, name).unwrap();
        let start = || {
            let dir = tempfile::tempdir().unwrap();
            let system = Arc::new(crate::nowhere::Nowhere);
            (Trainer::new_on(system, &plan, &Out::At(dir.path().to_owned())), dir)
        };
        let (trainer, _dir) = start();
        let mut trainer = trainer.unwrap();
        let points: Vec<Snapshot> = (0..STEPS)
            .map(|step| if step == 0 { trainer.snapshot().unwrap() } else { until(&mut trainer, step) })
            .collect();
        let end = until(&mut trainer, STEPS);
        let (second, _dir) = start();
        let mut second = second.unwrap();
        for point in points {
            let step = point.state.counters.step;
            second.restore(point).unwrap();
            let differs = until(&mut second, STEPS).differences(&end);
            assert!(differs.is_empty(), "{name}, from step {step}: {differs:?}\n{settings}");
        }
        let Rate::Plateau(rate) = &second.tracker.rate else { panic!("another schedule") };
        assert!(rate.factor() < 1.0, "{name}: the rate never fell");
    }
}

/// Each bit of each file that is read back counts: it is found that it has changed, or nothing else is predicted.
#[test]
fn changed_bytes_of_a_run_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    let (trainer, _) = small_run(&run);
    trainer.run(&mut silent).unwrap();
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

/// Of several that want one directory, one gets it, and the others say so before they write.
#[test]
fn one_of_many_gets_a_directory() {
    let dir = tempfile::tempdir().unwrap();
    for race in 0..100 {
        let path = dir.path().join(format!("run{race}"));
        let out = Out::At(path.clone());
        let begin = || RunDir::create(Arc::new(Disk), &out, "");
        let outcomes: Vec<Result<RunDir>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..3).map(|_| scope.spawn(begin)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let won = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        assert_eq!(won, 1, "race {race}: {outcomes:?}");
        assert!(
            outcomes
                .iter()
                .flat_map(|outcome| outcome.as_ref().err())
                .all(|error| matches!(error, Error::RunInUse { .. })),
            "{outcomes:?}"
        );
        // the lock of a process that is no more
        drop(outcomes);
        assert!(unlocked(begin).is_ok(), "race {race}");
    }
}

#[test]
fn what_is_foreign_is_not_overwritten_and_no_link_is_followed() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let create = |path: &Path| RunDir::create(Arc::new(Disk), &Out::At(path.to_owned()), "");
    fs::create_dir(at("notes")).unwrap();
    fs::write(at("notes/a.txt"), "mine").unwrap();
    assert!(matches!(create(&at("notes")), Err(Error::RunExists { found: "is not empty", .. })));
    fs::create_dir(at("empty")).unwrap();
    assert!(create(&at("empty")).is_ok());
    // what another program is writing
    fs::create_dir(at("films")).unwrap();
    fs::write(at("films/film.mkv.part"), "mine").unwrap();
    assert!(create(&at("films")).is_err() && at("films/film.mkv.part").exists());
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        use std::os::unix::fs::symlink;
        symlink(at("empty"), at("link")).unwrap();
        assert!(matches!(create(&at("link")), Err(Error::RunExists { .. })));
        fs::create_dir(at("planted")).unwrap();
        symlink(at("notes/a.txt"), at("planted/lock")).unwrap();
        assert!(create(&at("planted")).is_err());
        let odd = dir.path().join(std::ffi::OsStr::from_bytes(b"\xff"));
        assert!(matches!(create(&odd), Err(Error::NotUtf8Path { .. })));

        // a run from elsewhere, whose files lead out of it
        let run = at("run");
        let (trainer, origin) = small_run(&run);
        let snapshot = trainer.snapshot().unwrap();
        drop(trainer);
        fs::remove_file(run.join("metrics.jsonl")).unwrap();
        symlink(at("notes/a.txt"), run.join("metrics.jsonl")).unwrap();
        resume(&run, &Default::default()).unwrap().run(&mut silent).unwrap();
        fs::rename(run.join("checkpoints"), at("elsewhere")).unwrap();
        symlink(at("elsewhere"), run.join("checkpoints")).unwrap();
        assert!(checkpoint::write(&Disk, &run, &snapshot, &origin, 2).is_err());
    }
    assert_eq!(fs::read_to_string(at("notes/a.txt")).unwrap(), "mine");
}

/// A run is made longer than it was to be: its past stays, and a killed one goes on from there.
#[test]
fn a_finished_run_can_be_made_longer() {
    use super::begin::ResumeOptions;
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    let text = "[data]\nsource = 'iris'\n[train]\nepochs = 5\nbatch = 16\nsave_every = '3steps'";
    let settings = Settings::from_toml(text, "test").unwrap();
    Trainer::new(&settings, &Out::At(run.clone())).unwrap().run(&mut silent).unwrap();
    let past = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let longer = |epochs| resume(&run, &ResumeOptions { epochs, ..Default::default() });
    assert!(matches!(longer(None), Err(Error::RunFinished { .. })));
    let error = longer(Some(5)).unwrap_err().to_string();
    assert!(error.contains("train.epochs is 5") && error.contains("more than the 5"), "{error}");
    let trainer = longer(Some(8)).unwrap();
    // its rate begins anew: warm-up, and the cosine from its top
    assert!(trainer.tracker.factor() < 0.1 && trainer.tracker.rate.factor(2) > 0.9);
    drop(trainer);
    // it was cut right away, and is a run of eight epochs from now on
    assert!(!crate::run_dir::is_finished(&run).unwrap());
    let summary = longer(None).unwrap().run(&mut silent).unwrap();
    assert_eq!((summary.epochs, summary.finished), (8, true));
    let metrics = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    assert!(metrics.starts_with(&past) && metrics.lines().count() == 8);

    // other settings are named
    let file = run.join("settings.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("epochs = 8", "epochs = 12").replace("dropout = 0.1", "dropout = 0.2"))
        .unwrap();
    let error = longer(Some(9)).unwrap_err().to_string();
    assert!(error.contains("model.dropout was 0.1 and is 0.2;"), "{error}");
}

#[test]
fn verify_proves_the_bits_and_names_what_is_damaged() {
    use crate::verify::{Replay, verify};
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    let (trainer, _) = small_run(&run);
    trainer.run(&mut silent).unwrap();
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

/// A run that is made longer on a disk that fails, or is cut, at any operation: it goes on all the same.
#[test]
fn a_run_that_is_made_longer_survives_any_failure() {
    use super::begin::ResumeOptions;
    let dir = tempfile::tempdir().unwrap();
    let text = "[data]\nsource = 'iris'\n[train]\nepochs = 2\nbatch = 32\n[model]\nhidden = [4]";
    let settings = Settings::from_toml(text, "test").unwrap();
    let mut whole = None;
    for from in 0.. {
        let run = dir.path().join(format!("run{from}"));
        Trainer::new(&settings, &Out::At(run.clone())).unwrap().run(&mut silent).unwrap();
        let how = ResumeOptions { epochs: Some(4), ..Default::default() };
        let failing =
            Failing { from, count: usize::MAX, how: io::ErrorKind::StorageFull, done: Mutex::new(0) };
        let outcome = Trainer::resume_on(Arc::new(Watched(Arc::new(failing))), &run, &how);
        if outcome.is_ok() {
            assert!(from > 10, "too few operations were tried");
            break;
        }
        drop(outcome);
        // plainly where it is one of four epochs already, else it is asked for again
        let again = match resume(&run, &Default::default()) {
            Err(Error::RunFinished { .. }) => resume(&run, &how),
            again => again,
        };
        let mut again = again.unwrap_or_else(|error| panic!("failed from operation {from}: {error}"));
        if again.plan.epochs == 2 {
            drop(again);
            again = resume(&run, &how).unwrap();
        }
        let summary = again.run(&mut silent).unwrap();
        assert_eq!((summary.epochs, summary.finished), (4, true), "from {from}");
        let left = left_by(&run);
        assert!(*whole.get_or_insert_with(|| left.clone()) == left, "from {from}");
    }
}

/// A run that was ended by a limit of time is no damaged one, and a damaged manifest no unfinished run.
#[test]
fn what_cannot_be_known_is_not_guessed() {
    use crate::verify::{Replay, verify};
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
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    let (trainer, _) = small_run(&run);
    trainer.run(&mut silent).unwrap();
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

/// A disk that fills up while a run is trained: it goes to its end, says so, and can be ended later.
#[test]
fn a_run_on_a_disk_that_fills_up_is_scored_and_goes_on_later() {
    let dir = tempfile::tempdir().unwrap();
    let whole = dir.path().join("whole");
    Trainer::new(&killed_settings(), &Out::At(whole.clone())).unwrap().run(&mut silent).unwrap();
    for from in [40, 55, 90, 120] {
        let run = dir.path().join(format!("run{from}"));
        let full = Failing { from, count: usize::MAX, how: io::ErrorKind::StorageFull, done: Mutex::new(0) };
        let system: Arc<dyn FileSystem> = Arc::new(Watched(Arc::new(full)));
        let mut notes = Vec::new();
        let mut observer = |event: &Event| {
            if let Event::Note(note) = event {
                notes.push(note.clone());
            }
            ControlFlow::Continue(())
        };
        let trainer = Trainer::new_on(system, &killed_settings(), &Out::At(run.clone())).unwrap();
        let summary = trainer.run(&mut observer).unwrap();
        assert!(summary.test.is_some() && summary.not_written.len() == 1, "{summary:?}");
        assert!(notes.iter().any(|note| note.contains("could not be")), "{notes:?}");
        let Found { damaged, .. } = checkpoint::latest(&run).unwrap().unwrap();
        assert!(damaged.is_empty());
        resume(&run, &Default::default()).unwrap().run(&mut silent).unwrap();
        assert!(left_by(&run) == left_by(&whole), "full from operation {from} on");
    }
}
