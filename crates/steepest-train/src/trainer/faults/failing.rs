//! Operations that fail, one or all that follow.

use super::disk::{Operation, Watch, Watched};
use super::*;
use std::io;
use std::sync::Mutex;

/// From its `from`-th operation on, `count` of them fail.
#[derive(Debug)]
pub(super) struct Failing {
    from: usize,
    count: usize,
    how: io::ErrorKind,
    done: Mutex<usize>,
}

impl Failing {
    pub(super) fn new(from: usize, count: usize, how: io::ErrorKind) -> Self {
        Self { from, count, how, done: Mutex::new(0) }
    }
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
    let (_dir, run) = place();
    let (snapshots, origin) = snapshots(&run, 3);
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
                let failing = Arc::new(Failing::new(from, count, how));
                let outcome = write(&Watched::by(&failing), 1);
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

/// A disk that fills up while a run is trained: it goes to its end, says so, and can be ended later.
#[test]
fn a_run_on_a_disk_that_fills_up_is_scored_and_goes_on_later() {
    let dir = tempfile::tempdir().unwrap();
    let whole = dir.path().join("whole");
    Trainer::new(&killed_settings(), &Out::At(whole.clone())).unwrap().run(&mut silent).unwrap();
    for from in [40, 55, 90, 120] {
        let run = dir.path().join(format!("run{from}"));
        let full = Failing::new(from, usize::MAX, io::ErrorKind::StorageFull);
        let system: Arc<dyn FileSystem> = Arc::new(Watched::by(&Arc::new(full)));
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
