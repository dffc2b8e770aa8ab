//! Encodings of text: every reader of text gets UTF-8.

use std::io::{self, Read};
use std::path::Path;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{DecoderResult, Encoding, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::open::{Malformed, io_error};
use super::western::Words;
use crate::error::{Error, Result};
use crate::nearest::nearest_name;

/// Bytes that are decoded at a time.
const PIECE_BYTES: usize = 1 << 16;
/// Labels that a wrong one is compared with.
const COMMON_LABELS: [&str; 24] = [
    "utf-8",
    "utf-16le",
    "utf-16be",
    "windows-1250",
    "windows-1251",
    "windows-1252",
    "windows-1253",
    "windows-1254",
    "windows-1255",
    "windows-1256",
    "windows-1257",
    "iso-8859-1",
    "iso-8859-2",
    "iso-8859-15",
    "latin1",
    "cp1252",
    "macintosh",
    "koi8-r",
    "shift_jis",
    "euc-jp",
    "gbk",
    "gb18030",
    "big5",
    "euc-kr",
];

/// The encoding of this label, one of those of the Encoding Standard.
pub(super) fn named(label: &str) -> Result<&'static Encoding> {
    Encoding::for_label(label.as_bytes()).ok_or_else(|| Error::NoSuchEncoding {
        label: label.chars().take(40).collect(),
        nearest: nearest_name(label, COMMON_LABELS),
    })
}

/// What the first bytes say: the encoding and the length of its mark, or, without one, UTF-16 by its zeros.
/// `None` where they say nothing.
pub(super) fn of_head(head: &[u8]) -> Option<(&'static Encoding, usize)> {
    Encoding::for_bom(head).or_else(|| {
        let zeros = |first: usize| head.iter().skip(first).step_by(2).filter(|&&byte| byte == 0).count();
        let [even, odd] = [zeros(0), zeros(1)];
        // Latin letters, digits and separators have one zero byte each in UTF-16
        let most = head.len() / 8;
        if odd > most && even == 0 {
            Some((UTF_16LE, 0))
        } else if even > most && odd == 0 {
            Some((UTF_16BE, 0))
        } else {
            None
        }
    })
}

/// The encoding of text that is not UTF-8; `None` where it is UTF-8 with damaged bytes.
pub(super) fn detect(mut input: impl Read, path: &Path) -> Result<Option<&'static Encoding>> {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    let (mut buffer, mut kept) = (vec![0; PIECE_BYTES], 0);
    let (mut letters, mut wrong) = (0u64, 0u64);
    let mut words = Words::default();
    loop {
        let read = read_some(&mut input, &mut buffer[kept..], path)?;
        words.take(&buffer[..kept + read]);
        detector.feed(&buffer[kept..kept + read], read == 0);
        let mut rest = &buffer[..kept + read];
        let left = loop {
            let (valid, bad) = match std::str::from_utf8(rest) {
                Ok(_) => (rest.len(), Some(0)),
                Err(error) => (error.valid_up_to(), error.error_len()),
            };
            letters += rest[..valid].iter().filter(|&&byte| byte >= 0xC0).count() as u64;
            rest = &rest[valid..];
            match bad {
                Some(0) => break 0,
                Some(bad) => {
                    wrong += 1;
                    rest = &rest[bad..];
                }
                // a letter that the piece has cut
                None => break rest.len(),
            }
        };
        let end = kept + read;
        buffer.copy_within(end - left..end, 0);
        kept = left;
        if read == 0 {
            break;
        }
    }
    // text of another encoding is now and then UTF-8 by chance, text in UTF-8 is other than that by damage
    if letters >= wrong.max(1) {
        return Ok(None);
    }
    let guess = detector.guess(None, Utf8Detection::Deny);
    let could_be_western = guess.is_single_byte() || !words.in_pairs;
    Ok(Some(if could_be_western && words.are_western() { WINDOWS_1252 } else { guess }))
}

fn read_some(input: &mut impl Read, buffer: &mut [u8], path: &Path) -> Result<usize> {
    loop {
        match input.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            outcome => return outcome.map_err(|error| io_error(path, error)),
        }
    }
}

/// Text as UTF-8. A byte that is no text in its encoding is an error, never replaced.
pub(super) struct Decoded<R> {
    input: R,
    encoding: &'static Encoding,
    decoder: encoding_rs::Decoder,
    raw: Vec<u8>,
    /// What of `raw` is still to be decoded.
    pending: std::ops::Range<usize>,
    ended: bool,
    finished: bool,
    text: Vec<u8>,
    /// What of `text` is still to be handed out.
    ready: std::ops::Range<usize>,
    /// Lines decoded so far.
    lines: u64,
}

impl<R: Read> Decoded<R> {
    pub(super) fn new(input: R, encoding: &'static Encoding) -> Self {
        Self {
            input,
            encoding,
            decoder: encoding.new_decoder_without_bom_handling(),
            raw: vec![0; PIECE_BYTES],
            pending: 0..0,
            ended: false,
            finished: false,
            // no encoding makes more of a piece than this
            text: vec![0; PIECE_BYTES * 3 + 16],
            ready: 0..0,
            lines: 0,
        }
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.ready.is_empty() {
            if self.finished {
                return Ok(0);
            }
            if self.pending.is_empty() && !self.ended {
                let read = self.input.read(&mut self.raw)?;
                self.pending = 0..read;
                self.ended = read == 0;
            }
            let (result, read, written) = self.decoder.decode_to_utf8_without_replacement(
                &self.raw[self.pending.clone()],
                &mut self.text,
                self.ended,
            );
            self.pending.start += read;
            self.ready = 0..written;
            self.lines += memchr::memchr_iter(b'\n', &self.text[..written]).count() as u64;
            match result {
                DecoderResult::InputEmpty => self.finished = self.ended,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => {
                    let damage = Malformed { line: self.lines + 1, encoding: self.encoding.name() };
                    return Err(io::Error::new(io::ErrorKind::InvalidData, damage));
                }
            }
        }
        let length = buffer.len().min(self.ready.len());
        buffer[..length].copy_from_slice(&self.text[self.ready.start..self.ready.start + length]);
        self.ready.start += length;
        Ok(length)
    }
}
