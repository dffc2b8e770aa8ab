//! Decoders that panic on some damaged files.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Once;

use crate::error::{Error, Result};

thread_local! {
    /// Whether a panic of this thread is expected and says nothing to the user.
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs a decoder that panics on some damaged files; nothing of it outlives the attempt, and nothing is
/// printed.
pub(super) fn guarded<T>(path: &Path, decode: impl FnOnce() -> Result<T>) -> Result<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                usual(panic);
            }
        }));
    });
    QUIET.set(true);
    let outcome = catch_unwind(AssertUnwindSafe(decode));
    QUIET.set(false);
    outcome.unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
        let reason = format!("its reader gave up: {}", said.unwrap_or("no reason given"));
        Err(Error::Damaged { path: path.to_owned(), reason })
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// The hook goes around the one that is there at the first call: no other test of this crate's own calls it.
    #[test]
    fn a_panic_of_a_decoder_is_damage_and_prints_nothing() {
        let here = std::thread::current().id();
        let said = Arc::new(AtomicUsize::new(0));
        let (usual, counted) = (std::panic::take_hook(), said.clone());
        std::panic::set_hook(Box::new(move |panic| {
            if std::thread::current().id() == here {
                counted.fetch_add(1, Ordering::Relaxed);
            }
            usual(panic);
        }));
        let outcome = guarded(Path::new("t.parquet"), || -> Result<()> { panic!("no such {}", "page") });
        let Err(Error::Damaged { reason, .. }) = outcome else { panic!("{outcome:?}") };
        assert!(reason.contains("no such page"), "{reason}");
        assert_eq!(said.load(Ordering::Relaxed), 0);
    }
}
