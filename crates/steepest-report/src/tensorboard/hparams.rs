//! What TensorBoard's HPARAMS page shows: a run's settings beside what came of it. Field numbers are those of the
//! plugin's `plugin_data.proto` and `api.proto`, and of protocol buffers' `struct.proto`.

use super::event::{At, for_plugin};
use super::message::Message;
use super::tag::inert_tag;

const PLUGIN: &str = "hparams";

/// The value of a setting.
#[derive(Debug, Clone, PartialEq)]
pub enum Setting {
    /// A number. One that is not finite is written as its name, for the page has no such numbers.
    Number(f64),
    /// A text.
    Text(String),
    /// Yes or no.
    Flag(bool),
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It went to its end.
    Success = 1,
    /// It went wrong.
    Failure = 2,
}

impl From<f64> for Setting {
    fn from(x: f64) -> Self {
        Self::Number(x)
    }
}

impl From<bool> for Setting {
    fn from(x: bool) -> Self {
        Self::Flag(x)
    }
}

impl From<&str> for Setting {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Setting {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl Setting {
    fn message(&self) -> Message {
        match self {
            Self::Number(x) if x.is_finite() => Message::new().double(2, *x),
            Self::Number(x) => Message::new().text(3, &x.to_string()),
            Self::Text(text) => Message::new().text(3, &inert_tag(text)),
            Self::Flag(x) => Message::new().integer(4, i64::from(*x)),
        }
    }
}

/// What a run begins with.
pub fn session_start(settings: &[(&str, Setting)], at: At) -> Message {
    let entry = |(name, value): &(&str, Setting)| {
        Message::new().text(1, &inert_tag(name)).message(2, &value.message())
    };
    // without a name of its group a run is a row of its own, called by its folder
    let start = settings.iter().fold(Message::new(), |start, setting| start.message(1, &entry(setting)));
    let data = Message::new().message(3, &start.double(5, at.time()));
    for_plugin("_hparams_/session_start_info", PLUGIN, &data)
}

/// What a run ends with.
pub fn session_end(outcome: Outcome, at: At) -> Message {
    let end = Message::new().integer(1, outcome as i64).double(2, at.time());
    for_plugin("_hparams_/session_end_info", PLUGIN, &Message::new().message(4, &end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_there_even_if_it_is_zero() {
        let bytes = |setting: Setting| setting.message().as_bytes().to_vec();
        assert_eq!(bytes(0.0.into()), b"\x11\0\0\0\0\0\0\0\0");
        assert_eq!(bytes(false.into()), b"\x20\0");
        assert_eq!(bytes(true.into()), b"\x20\x01");
        assert_eq!(bytes("adamw".into()), b"\x1A\x05adamw");
    }

    #[test]
    fn what_the_page_has_no_number_for_is_a_text() {
        for (x, name) in [(f64::NAN, "NaN"), (f64::INFINITY, "inf"), (f64::NEG_INFINITY, "-inf")] {
            assert_eq!(Setting::from(x).message(), Setting::from(name).message());
        }
    }
}
