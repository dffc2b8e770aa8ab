//! Files that were left half written.

use std::fs;
use std::path::Path;
use steepest::FileSystem;

/// Removes what was left half written, by a process that was killed or on a disk that was full; whoever calls this holds
/// the lock of the run. A folder that is a link leads elsewhere.
pub(crate) fn remove_parts(system: &dyn FileSystem, folder: &Path) {
    if fs::symlink_metadata(folder).is_ok_and(|there| !there.is_dir()) {
        return;
    }
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(is_part) {
            let _ = system.remove(&entry.path());
        }
    }
}

/// Whether a name is that of a file of ours that is being written: `NAME.PROCESS-NUMBER.part`, as
/// [`steepest::write_atomically`] makes it.
pub(crate) fn is_part(name: &str) -> bool {
    let Some((of, number)) = name.strip_suffix(".part").and_then(|name| name.rsplit_once('.')) else {
        return false;
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let numbered = number.split_once('-').is_some_and(|(process, number)| digits(process) && digits(number));
    let ends = [".toml", ".json", ".jsonl", ".txt", ".safetensors"];
    numbered && ends.iter().any(|end| of.ends_with(end))
}
