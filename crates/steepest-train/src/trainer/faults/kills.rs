//! Processes that are killed.

use super::disk::{Operation, Watch, Watched};
use super::*;
use std::io::{self, BufRead, BufReader, Write};
use std::sync::Mutex;

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
    let pauses = Stream::new(b"pauses\0\0", std::process::id().into(), 0);
    let system: Arc<dyn FileSystem> = Arc::new(Watched::by(&Arc::new(Pausing(Mutex::new(pauses)))));
    say("run");
    Trainer::new_on(system, &killed_settings(), &Out::At(run.into())).unwrap().run(&mut silent).unwrap();
    say("end");
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
            .args(["--exact", "trainer::faults::kills::a_run_to_be_killed", "--nocapture"])
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
        if !crate::files::is_finished(&run).unwrap() {
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
