//! What event files are called: `events.out.tfevents.SECONDS.HOST.PROCESS.NUMBER`.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{env, fs, io, process};

const PREFIX: &str = "events.out.tfevents.";

/// The name of a new file in a folder. It comes behind those of all that are there: readers take the files of a folder
/// in the order of their names, and a clock may have gone back, or a second not be over yet.
///
/// # Errors
/// The folder cannot be read.
pub fn new_name(folder: &Path, seconds: f64) -> io::Result<String> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let rest = format!("{}.{}.{number}", host(), process::id());
    let mut last = None;
    for entry in fs::read_dir(folder)? {
        let seconds = entry?.file_name().to_str().and_then(seconds_of);
        last = last.max(seconds);
    }
    let earliest = last.map_or(0, |last| last.saturating_add(1));
    // (as a whole number, what is below zero is 0)
    Ok(format!("{PREFIX}{:010}.{rest}", (seconds as u64).max(earliest)))
}

fn seconds_of(name: &str) -> Option<u64> {
    name.strip_prefix(PREFIX)?.split('.').next()?.parse().ok()
}

/// The name of this machine, as far as a file's name may have it.
fn host() -> String {
    let of_system = fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let of_shell = || env::var("HOSTNAME").or_else(|_| env::var("COMPUTERNAME")).ok();
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let name = of_system.or_else(of_shell).unwrap_or_default();
    let name: String = name.trim().chars().take(64).map(plain).collect();
    if name.is_empty() { "localhost".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_rise_whatever_the_clock_says() {
        let folder = tempfile::tempdir().unwrap();
        let mut before = String::new();
        for seconds in [1_700_000_000.9, 1_700_000_000.9, 5.0, f64::NAN, -1.0, 1_700_000_100.0] {
            let name = new_name(folder.path(), seconds).unwrap();
            assert!(name > before, "{name} after {before}");
            fs::write(folder.path().join(&name), "").unwrap();
            before = name;
        }
        assert!(before.starts_with("events.out.tfevents.1700000100."), "{before}");
        assert_eq!(before.split('.').count(), 7, "{before}");
    }

    #[test]
    fn other_files_do_not_count() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["summary.json", "events.out.tfevents.x.y", "events.out.tfevents"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        assert!(new_name(folder.path(), 7.0).unwrap().starts_with("events.out.tfevents.0000000007."));
        assert!(new_name(&folder.path().join("missing"), 7.0).is_err());
    }
}
