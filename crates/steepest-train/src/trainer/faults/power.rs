//! Power that is cut.

use super::disk::{Operation, Watch, Watched};
use super::*;
use std::io;
use std::sync::Mutex;

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
    let (dir, run) = place();
    let (snapshots, origin) = snapshots(&run, 8);
    fs::remove_dir_all(run.join("checkpoints")).unwrap();
    let recording = Arc::new(Recording::default());
    for (at, snapshot) in snapshots.iter().enumerate() {
        checkpoint::write(&Watched::by(&recording), &run, snapshot, &origin, 2).unwrap();
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
