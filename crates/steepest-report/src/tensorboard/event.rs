//! Events: what a record holds. Field numbers are those of TensorFlow's `event.proto` and `summary.proto`.

use super::histogram::Histogram;
use super::message::Message;
use std::time::SystemTime;

/// When something was so.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct At {
    /// Steps that are done: 0 before the first.
    pub step: u64,
    /// Seconds since 1970 began, by UTC; what is not finite counts as 0.
    pub seconds: f64,
}

impl At {
    /// After so many steps, now.
    pub fn now(step: u64) -> Self {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Self { step, seconds: since.map_or(0.0, |since| since.as_secs_f64()) }
    }

    /// The seconds as files need them. (A reader drops events of no time.)
    pub(super) fn time(self) -> f64 {
        if self.seconds.is_finite() { self.seconds } else { 0.0 }
    }
}

/// The version of the file: what stands first in it. Readers look for it before they trust what a session begins.
pub fn version(at: At) -> Message {
    Message::new().double(1, at.time()).text(3, "brain.Event:2")
}

/// That a session begins, of which `first` is the first step: whatever was written before of that step or a later one
/// holds no more.
pub fn session_start(first: At) -> Message {
    const START: i64 = 1;
    dated(first).message(7, &Message::new().integer(1, START))
}

/// A summary of one value.
pub fn summary(value: &Message, at: At) -> Message {
    dated(at).message(5, &Message::new().message(1, value))
}

fn dated(at: At) -> Message {
    Message::new().double(1, at.time()).integer(2, i64::try_from(at.step).unwrap_or(i64::MAX))
}

/// A number, as `simple_value`: the reader that TensorBoard uses first takes no tensor of f64 for one, and the one that
/// programs use drops no tensor when a run goes on from an earlier step.
pub fn scalar(tag: &str, x: f64) -> Message {
    Message::new().text(1, tag).float(2, x as f32)
}

/// A histogram, as `HistogramProto`, for the same reasons.
pub fn histogram(tag: &str, histogram: &Histogram) -> Message {
    let proto = Message::new()
        .double(1, histogram.min)
        .double(2, histogram.max)
        .double(3, histogram.count as f64)
        .double(4, histogram.sum)
        .double(5, histogram.sum_squares)
        .doubles(6, histogram.right_edges.iter().copied())
        .doubles(7, histogram.counts.iter().map(|count| *count as f64));
    Message::new().text(1, tag).message(5, &proto)
}

/// A text, as a tensor of one string.
pub fn text(tag: &str, text: &str) -> Message {
    const STRING: i64 = 7;
    // a tensor without a shape is a single value, which is shown as a page; of more, a table would be made
    let tensor = Message::new().integer(1, STRING).text(8, text);
    Message::new().text(1, tag).message(8, &tensor).message(9, &metadata("text", &Message::new()))
}

/// What is for a plugin alone: it lies in the metadata of a tensor that has no elements.
pub fn for_plugin(tag: &str, plugin: &str, content: &Message) -> Message {
    const FLOAT: i64 = 1;
    let no_elements = Message::new().message(2, &Message::new().integer(1, 0));
    let tensor = Message::new().integer(1, FLOAT).message(2, &no_elements);
    Message::new().text(1, tag).message(8, &tensor).message(9, &metadata(plugin, content))
}

fn metadata(plugin: &str, content: &Message) -> Message {
    Message::new().message(1, &Message::new().text(1, plugin).message(2, content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_of_a_scalar() {
        let event = summary(&scalar("loss", 0.5), At { step: 300, seconds: 2.0 });
        let expected = [
            &b"\x09\0\0\0\0\0\0\0\x40\x10\xAC\x02\x2A\x0D\x0A\x0B"[..], // time, step, summary of 13 bytes, value of 11
            b"\x0A\x04loss\x15\0\0\0\x3F",
        ];
        assert_eq!(event.as_bytes(), expected.concat());
    }

    #[test]
    fn time_and_step_stay_what_readers_take() {
        for seconds in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(At { step: 0, seconds }.time(), 0.0);
        }
        let largest = summary(&Message::new(), At { step: u64::MAX, seconds: 0.0 });
        assert_eq!(largest, summary(&Message::new(), At { step: i64::MAX as u64, seconds: 0.0 }));
    }
}
