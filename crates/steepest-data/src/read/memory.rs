//! How much memory reading may take: what is allowed, what a table needs, and how far a file is read.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::options::ReadOptions;
use crate::error::{Error, Result};

/// What a cell needs once its column is a table's: its value, its feature in `f32`, and the copies that splitting and looking
/// for repeated rows make. Measured over numbers, levels, keys, sentences, dates and empty cells (2026-11, the most memory
/// held while a table is read and prepared): 13 to 16 bytes a number, 36 to 45 a cell of text beside twice its bytes.
pub(super) const NUMBER_BYTES: u64 = 16;
/// The same of a cell of text, with the place where it ends; its bytes, which count twice, come on top.
pub(super) const TEXT_BYTES: u64 = 40;
/// What a column needs however few its cells are.
pub(super) const COLUMN_BYTES: u64 = 1 << 10;
/// What a row needs beside its cells: its line, and its place in a split.
pub(super) const ROW_BYTES: u64 = 24;

/// What a table of so many rows needs, from what the cells of each column need, in bytes.
pub(super) fn table_bytes(rows: usize, columns: impl Iterator<Item = u64>) -> u64 {
    rows as u64 * ROW_BYTES + columns.map(|cells| COLUMN_BYTES + cells).sum::<u64>()
}

/// The share of the memory at hand that reading may take, in per cent.
const SHARE: u64 = 60;
/// How much of a file is read before what the rest will need is told from it, in bytes.
const TELLING: u64 = 16 << 20;
/// A file whose beginning tells that it needs so many times what is allowed is not read on.
const FAR_BEYOND: u64 = 4;

/// What reading may hold, and what of it is taken.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    allowed: u64,
    /// What is held beside what is read: files that were read before, and what a reader works with.
    held: u64,
    progress: RefCell<Progress>,
}

/// How far the file that was opened last is read.
#[derive(Clone, Debug, Default)]
struct Progress {
    /// Its bytes as it lies there.
    size: u64,
    read: Arc<AtomicU64>,
}

impl Budget {
    pub(super) fn of(options: &ReadOptions) -> Self {
        let allowed = options.max_memory.or_else(default_max_memory).unwrap_or(u64::MAX);
        Self { allowed, ..Self::unbounded() }
    }

    pub(crate) fn unbounded() -> Self {
        Self { allowed: u64::MAX, held: 0, progress: RefCell::default() }
    }

    /// For the next of several files, of which those before need so much.
    pub(super) fn after(&self, needed: u64) -> Self {
        Self { allowed: self.allowed, held: needed, progress: RefCell::default() }
    }

    /// For what is read while so many bytes are held beside it.
    pub(super) fn holding(&self, bytes: u64) -> Self {
        Self { held: self.held.saturating_add(bytes), ..self.clone() }
    }

    /// Begins a file of this size; what counts the bytes that are read of it.
    pub(super) fn begin(&self, size: u64) -> Arc<AtomicU64> {
        let read = Arc::default();
        self.progress.replace(Progress { size, read: Arc::clone(&read) });
        read
    }

    /// What may still be held, in bytes.
    pub(super) fn left(&self) -> u64 {
        self.allowed.saturating_sub(self.held)
    }

    /// Refuses what needs more bytes than are allowed, having been read so far.
    pub(super) fn check(&self, path: &Path, needed: u64) -> Result<()> {
        let needed = self.held.saturating_add(needed);
        let foreseen = self.foreseen(needed);
        let refused = needed > self.allowed || foreseen > self.allowed.saturating_mul(FAR_BEYOND);
        if refused { Err(self.too_large(path, foreseen)) } else { Ok(()) }
    }

    /// Refuses what is known to need more bytes than are allowed.
    pub(super) fn check_all(&self, path: &Path, needed: u64) -> Result<()> {
        let needed = self.held.saturating_add(needed);
        if needed > self.allowed { Err(self.too_large(path, needed)) } else { Ok(()) }
    }

    fn too_large(&self, path: &Path, needed: u64) -> Error {
        Error::TooLarge { path: PathBuf::from(path), needed, allowed: self.allowed }
    }

    /// What the whole file will need, if the rest is like what was read.
    fn foreseen(&self, needed: u64) -> u64 {
        let (size, read) = {
            let progress = self.progress.borrow();
            (progress.size, progress.read.load(Ordering::Relaxed))
        };
        let told = read >= TELLING || needed > self.allowed;
        if !told || read == 0 || read >= size {
            return needed;
        }
        let all = u128::from(needed) * u128::from(size) / u128::from(read);
        u64::try_from(all).unwrap_or(u64::MAX)
    }
}

/// What [`ReadOptions::max_memory`] is by default, in bytes: 60 % of the memory that the system has left or that the process's
/// control group leaves, whichever is less; `None`, which is no bound, where neither is known.
pub fn default_max_memory() -> Option<u64> {
    let left = [available(), left_in_group()].into_iter().flatten().min()?;
    Some(left / 100 * SHARE)
}

/// What the system could give, in bytes.
fn available() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}

/// What the strictest of the control groups that this process is in leaves, in bytes.
fn left_in_group() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    groups
        .lines()
        .flat_map(limits_of)
        .filter_map(|[most, used]| Some(number(&most)?.saturating_sub(number(&used)?)))
        .min()
}

/// The files that say what a group of `/proc/self/cgroup` may hold and holds, and those of the groups around it.
fn limits_of(line: &str) -> Vec<[PathBuf; 2]> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (Some(controllers), Some(group)) = (parts.next(), parts.next()) else { return Vec::new() };
    let (root, names) = match controllers {
        "" => ("/sys/fs/cgroup", ["memory.max", "memory.current"]),
        controllers if controllers.split(',').any(|name| name == "memory") => {
            ("/sys/fs/cgroup/memory", ["memory.limit_in_bytes", "memory.usage_in_bytes"])
        }
        _ => return Vec::new(),
    };
    // in a container the group's path may be that outside, while its files lie at the root
    let around = Path::new(group.trim_start_matches('/')).ancestors();
    around.map(|group| names.map(|name| Path::new(root).join(group).join(name))).collect()
}

/// The number in a file; `None` for `max`, which is no limit.
fn number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_has_limits_in_both_versions() {
        let of = |line| {
            limits_of(line).into_iter().map(|[most, _]| most.display().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(
            of("0::/a/b"),
            ["/sys/fs/cgroup/a/b/memory.max", "/sys/fs/cgroup/a/memory.max", "/sys/fs/cgroup/memory.max"]
        );
        assert_eq!(of("4:cpu,memory:/"), ["/sys/fs/cgroup/memory/memory.limit_in_bytes"]);
        assert!(of("3:cpu:/a").is_empty() && of("nonsense").is_empty());
    }

    #[test]
    fn a_part_tells_of_the_whole() {
        let budget = Budget { allowed: 1000, ..Budget::unbounded() };
        let read = budget.begin(4 * TELLING);
        let path = Path::new("t.csv");
        assert!(budget.check(path, 1000).is_ok());
        read.store(TELLING, Ordering::Relaxed);
        assert!(budget.check(path, 1000).is_ok());
        assert!(matches!(budget.check(path, 1001), Err(Error::TooLarge { needed: 4004, allowed: 1000, .. })));
        budget.begin(16 * TELLING).store(TELLING, Ordering::Relaxed);
        assert!(matches!(budget.check(path, 500), Err(Error::TooLarge { needed: 8000, allowed: 1000, .. })));
        assert!(budget.after(900).check(path, 101).is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn there_is_a_bound() {
        assert!(default_max_memory().is_some_and(|bytes| bytes > 1 << 20));
    }
}
