//! How often a run is saved.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

/// How often a run is saved: `10steps`, `30s` or `1epoch`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum SaveEvery {
    /// After so many steps.
    Steps(u64),
    /// After so many seconds.
    Seconds(f64),
    /// After so many epochs.
    Epochs(u64),
}

impl Default for SaveEvery {
    fn default() -> Self {
        Self::Seconds(30.0)
    }
}

impl fmt::Display for SaveEvery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Steps(count) => write!(f, "{count}steps"),
            Self::Seconds(seconds) => write!(f, "{seconds}s"),
            Self::Epochs(count) => write!(f, "{count}epochs"),
        }
    }
}

impl From<SaveEvery> for String {
    fn from(every: SaveEvery) -> Self {
        every.to_string()
    }
}

impl FromStr for SaveEvery {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is none of 10steps, 30s, 1epoch");
        let text = text.trim();
        let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(wrong)?);
        let whole = || number.trim().parse().ok().filter(|count| *count > 0).ok_or_else(wrong);
        match unit {
            "step" | "steps" => Ok(Self::Steps(whole()?)),
            "epoch" | "epochs" => Ok(Self::Epochs(whole()?)),
            "s" | "m" | "h" => {
                let seconds: f64 = number.trim().parse().map_err(|_| wrong())?;
                let seconds = seconds
                    * if unit == "h" {
                        3600.0
                    } else if unit == "m" {
                        60.0
                    } else {
                        1.0
                    };
                if seconds > 0.0 && seconds.is_finite() { Ok(Self::Seconds(seconds)) } else { Err(wrong()) }
            }
            _ => Err(wrong()),
        }
    }
}

impl TryFrom<String> for SaveEvery {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// A new best is saved at most so often.
const BEST_EVERY: Duration = Duration::from_secs(5);

/// Says when a save is due.
#[derive(Debug)]
pub(crate) struct SaveClock {
    every: SaveEvery,
    last: Instant,
    last_step: u64,
    last_epoch: u64,
    new_best: bool,
}

impl SaveClock {
    pub fn new(every: SaveEvery) -> Self {
        Self { every, last: Instant::now(), last_step: 0, last_epoch: 1, new_best: false }
    }

    /// There is something that must not be lost.
    pub fn new_best(&mut self) {
        self.new_best = true;
    }

    pub fn is_due(&self, step: u64, epoch: u64) -> bool {
        let due = match self.every {
            SaveEvery::Steps(count) => step >= self.last_step.saturating_add(count),
            SaveEvery::Epochs(count) => epoch >= self.last_epoch.saturating_add(count),
            SaveEvery::Seconds(seconds) => self.last.elapsed().as_secs_f64() >= seconds,
        };
        due || (self.new_best && self.last.elapsed() >= BEST_EVERY)
    }

    pub fn saved(&mut self, step: u64, epoch: u64) {
        (self.last, self.last_step, self.last_epoch, self.new_best) = (Instant::now(), step, epoch, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_and_written() {
        for (text, every) in [
            ("10steps", SaveEvery::Steps(10)),
            ("1 epoch", SaveEvery::Epochs(1)),
            ("30s", SaveEvery::Seconds(30.0)),
            ("1.5m", SaveEvery::Seconds(90.0)),
        ] {
            assert_eq!(text.parse(), Ok(every), "{text}");
            assert_eq!(every.to_string().parse(), Ok(every), "{text}");
        }
        for text in ["", "10", "0steps", "steps", "-1s", "1.5epochs", "3 weeks", "infs"] {
            assert!(text.parse::<SaveEvery>().is_err(), "{text}");
        }
    }
}
