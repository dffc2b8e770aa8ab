//! What a full screen takes from the terminal, and how it is given back: when the run ends, after an error, a panic, or a
//! signal that ends the program at once.

use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::execute;
use crossterm::style::ResetColor;
use crossterm::terminal::ClearType::All;
use crossterm::terminal::{Clear, EnterAlternateScreen, LeaveAlternateScreen};
use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

/// Whether the full screen is shown.
static SHOWN: AtomicBool = AtomicBool::new(false);
/// Whether all of it has to be drawn anew, because the terminal was somebody else's in between.
static STALE: AtomicBool = AtomicBool::new(false);
/// Held while something is written to it.
static WRITING: Mutex<()> = Mutex::new(());

/// Shows an empty screen of its own, on which what is typed does not appear. Signals stay what they are: Ctrl-C is still
/// one.
///
/// # Errors
/// What the terminal says.
pub fn take() -> io::Result<()> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        // the message of a panic belongs on the screen that stays
        std::panic::set_hook(Box::new(move |panic| {
            give_back();
            before(panic);
        }));
    });
    keys::take();
    SHOWN.store(true, Ordering::SeqCst);
    execute!(io::stderr(), EnterAlternateScreen, Hide)
}

/// Leaves the terminal as it was found. Does nothing the second time.
pub fn give_back() {
    if SHOWN.swap(false, Ordering::SeqCst) {
        // cleared first: where the screen was resized meanwhile, tmux has its lines come out above those that were there
        let _ = execute!(io::stderr(), ResetColor, Clear(All), MoveTo(0, 0), Show, LeaveAlternateScreen);
        keys::give_back();
    }
}

/// Whether the full screen is shown.
pub fn is_taken() -> bool {
    SHOWN.load(Ordering::SeqCst)
}

/// Whether all has to be drawn anew, once.
pub fn was_away() -> bool {
    STALE.swap(false, Ordering::SeqCst)
}

/// For as long as something is drawn.
pub fn writing() -> MutexGuard<'static, ()> {
    WRITING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives the terminal back while whoever draws may be stuck in it: waits for them, but not for long.
fn give_back_soon() {
    for _ in 0..20 {
        if let Ok(_nobody_writes) = WRITING.try_lock() {
            return give_back();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    give_back();
}

/// Whether keys can be read: they come from standard input, which may hold a table.
pub fn has_keys() -> bool {
    io::stdin().is_terminal()
}

/// Watches for signals, on a thread of its own: the second one to end gives the terminal back and ends the program;
/// Ctrl-Z gives it back until the program goes on.
#[cfg(unix)]
pub fn watch(signals: &[i32]) {
    use signal_hook::consts::SIGTSTP;
    use signal_hook::iterator::Signals;
    use signal_hook::low_level;

    let all: Vec<i32> = signals.iter().copied().chain([SIGTSTP]).collect();
    let Ok(mut pending) = Signals::new(all) else { return };
    std::thread::spawn(move || {
        let mut asked = false;
        for signal in pending.forever() {
            if signal == SIGTSTP {
                let _writing = writing();
                let shown = is_taken();
                give_back();
                let _ = low_level::emulate_default_handler(SIGTSTP);
                // here it goes on
                if shown && take().is_ok() {
                    STALE.store(true, Ordering::SeqCst);
                }
            } else if std::mem::replace(&mut asked, true) {
                give_back_soon();
                low_level::exit(128 + signal);
            }
        }
    });
}

#[cfg(not(unix))]
pub fn watch(_: &[i32]) {}

/// What typed characters do: with the full screen they come one by one and are not shown.
#[cfg(unix)]
mod keys {
    use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
    use std::io;
    use std::sync::OnceLock;

    /// As the terminal was found; `None` where standard input is none.
    static FOUND: OnceLock<Option<Termios>> = OnceLock::new();

    pub fn take() {
        let found = FOUND.get_or_init(|| tcgetattr(io::stdin()).ok());
        if let Some(mut modes) = found.clone() {
            modes.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON);
            modes.special_codes[SpecialCodeIndex::VMIN] = 1;
            modes.special_codes[SpecialCodeIndex::VTIME] = 0;
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &modes);
        }
    }

    pub fn give_back() {
        if let Some(Some(found)) = FOUND.get() {
            // what was typed meanwhile is for nobody
            let _ = tcsetattr(io::stdin(), OptionalActions::Flush, found);
        }
    }
}

#[cfg(not(unix))]
mod keys {
    pub fn take() {}
    pub fn give_back() {}
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::io::Read as _;
    use std::process::{Child, Command, Stdio};

    /// What a terminal gets in the end: colours off, the cursor back, the other screen.
    const LEFT: &str = "\u{1b}[?25h\u{1b}[?1049l";

    /// This test program anew, doing one of the things below.
    fn child(what: &str) -> Child {
        Command::new(std::env::current_exe().unwrap())
            .args(["live::terminal::tests::a_child", "--exact", "--nocapture", "--test-threads=1"])
            .env("STEEPEST_TEST_CHILD", what)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn stderr(child: &mut Child) -> String {
        let mut text = String::new();
        child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn a_child() {
        match std::env::var("STEEPEST_TEST_CHILD").as_deref() {
            Ok("panics") => {
                take().unwrap();
                panic!("on purpose");
            }
            Ok("waits") => {
                watch(&[signal_hook::consts::SIGTERM]);
                take().unwrap();
                eprintln!("ready");
                loop {
                    std::thread::sleep(Duration::from_millis(50));
                }
            }
            _ => {}
        }
    }

    #[test]
    fn a_panic_is_read_on_the_screen_that_stays() {
        let mut child = child("panics");
        let text = stderr(&mut child);
        assert!(!child.wait().unwrap().success());
        let (before, after) = text.split_once(LEFT).unwrap_or_else(|| panic!("not left: {text:?}"));
        assert!(before.contains("\u{1b}[?1049h") && !before.contains("on purpose"), "{text:?}");
        assert!(after.contains("on purpose") && !after.contains("\u{1b}[?1049"), "{text:?}");
    }

    #[test]
    fn the_second_signal_leaves_the_terminal_and_ends_the_program() {
        let mut child = child("waits");
        let mut err = child.stderr.take().unwrap();
        let mut text = String::new();
        let mut byte = [0];
        while !text.contains("ready") && err.read(&mut byte).unwrap() == 1 {
            text.push(char::from(byte[0]));
        }
        let kill = || {
            assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
            std::thread::sleep(Duration::from_millis(300));
        };
        // two of them at once may arrive as one
        kill();
        kill();
        err.read_to_string(&mut text).unwrap();
        assert!(text.ends_with(LEFT), "{text:?}");
        assert_eq!(child.wait().unwrap().code(), Some(143));
    }
}
