//! Opening a file, and finding out from its first bytes what it holds.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;

use super::memory::Budget;
use crate::error::{Error, Result, shown};

/// A file whose first bytes have been looked at.
pub(super) struct Opened {
    pub(super) format: Format,
    /// The whole content, decompressed.
    pub(super) input: Box<dyn Read>,
    /// Whether it was compressed.
    packed: bool,
    /// Bytes of the file as it lies there.
    pub(super) size: u64,
}

/// Tables as text expand 3 to 20 times; what expands more than this is nearly nothing, many times over.
const MOST_EXPANSION: u64 = 200;
/// Up to here anything may expand as it likes: it does no harm.
const HARMLESS_BYTES: u64 = 16 << 20;

/// What the first bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Text,
    JsonLines,
    JsonArray,
    Parquet,
    ArrowFile,
    ArrowStream,
    Idx,
    Other(&'static str),
}

impl Format {
    pub(super) fn name(self) -> &'static str {
        match self {
            Format::Text => "text",
            Format::JsonLines => "JSON lines",
            Format::JsonArray => "a JSON array",
            Format::Parquet => "Parquet",
            Format::ArrowFile => "an Arrow file",
            Format::ArrowStream => "an Arrow stream",
            Format::Idx => "IDX",
            Format::Other(name) => name,
        }
    }
}

const SIGNATURES: [(&[u8], &str); 15] = [
    (b"\x89PNG", "a PNG image"),
    (b"\xFF\xD8\xFF", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"PK\x03\x04", "a zip archive (an Excel file is one too)"),
    (b"\xD0\xCF\x11\xE0", "an old Office document"),
    (b"%PDF", "a PDF document"),
    (b"FEA1", "a Feather file of version 1"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x89HDF", "an HDF5 file"),
    (b"SQLite", "an SQLite database"),
    (b"Obj\x01", "an Avro file"),
    (b"ORC", "an ORC file"),
    (b"BZh", "bzip2"),
    (b"\xFD7zXZ", "xz"),
    (b"\x7FELF", "a program"),
];

fn format_of(head: &[u8]) -> Format {
    match head {
        [b'P', b'A', b'R', b'1', ..] => Format::Parquet,
        [b'A', b'R', b'R', b'O', b'W', b'1', 0, 0, ..] => Format::ArrowFile,
        // a message follows, and its length is no more than 64 Mi
        [0xFF, 0xFF, 0xFF, 0xFF, _, _, _, 0..4, ..] => Format::ArrowStream,
        [0, 0, 8 | 9 | 11..=14, 1..=4, ..] => Format::Idx,
        _ => match SIGNATURES.iter().find(|(signature, _)| head.starts_with(signature)) {
            // "FEA1", "ORC" and "BZh" could begin a header; binary formats go on with bytes that no header has
            Some((signature, _))
                if signature.iter().all(u8::is_ascii_alphanumeric) && looks_like_text(head) =>
            {
                Format::Text
            }
            Some((_, name)) => Format::Other(name),
            None => json(head).unwrap_or(Format::Text),
        },
    }
}

fn json(head: &[u8]) -> Option<Format> {
    let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head).trim_ascii_start();
    let opens = |text: &[u8]| {
        text.starts_with(b"{") && matches!(text[1..].trim_ascii_start().first(), None | Some(b'"' | b'}'))
    };
    if opens(head) {
        return Some(Format::JsonLines);
    }
    let inside = head.strip_prefix(b"[")?.trim_ascii_start();
    (inside.is_empty() || opens(inside) || inside.starts_with(b"]")).then_some(Format::JsonArray)
}

fn looks_like_text(head: &[u8]) -> bool {
    head.iter().all(|byte| (b' '..0x7F).contains(byte) || matches!(byte, b'\n' | b'\r' | b'\t'))
        && head.contains(&b',')
}

/// How many first bytes tell one format from another.
const HEAD_BYTES: u64 = 16;

/// Opens a file, looks at its first bytes, and decompresses it if it is gzip or zstd. `shown` is what errors
/// call it, `budget` hears how far it is read.
pub(super) fn open(path: &Path, shown: &Path, budget: &Budget) -> Result<Opened> {
    let file = open_plain(path)?;
    let size = file.metadata().map_or(0, |metadata| metadata.len());
    let read = budget.begin(size);
    let (head, input) = peek(CountingReader { input: file, read: read.clone() }, shown)?;
    let unpacked: Box<dyn Read> = if head.starts_with(&[0x1F, 0x8B]) {
        Box::new(MultiGzDecoder::new(input))
    } else if head.starts_with(&[0x28, 0xB5, 0x2F, 0xFD]) {
        let decoder = zstd::Decoder::new(input).map_err(|error| io_error(shown, error))?;
        Box::new(Unzstd(decoder))
    } else {
        return Ok(Opened { format: format_of(&head), input: Box::new(input), packed: false, size });
    };
    let (head, input) = peek(Unpacked { input: unpacked, packed: read, unpacked: 0 }, shown)?;
    Ok(Opened { format: format_of(&head), input: Box::new(input), packed: true, size })
}

impl Opened {
    /// The length of the content, where it is known without unpacking it.
    pub(super) fn length(&self) -> Option<u64> {
        (!self.packed).then_some(self.size)
    }

    /// The content as a file in which a reader can go about: the file itself, or a temporary one if it was
    /// compressed.
    pub(super) fn into_file(mut self, path: &Path, shown: &Path) -> Result<File> {
        if !self.packed {
            return open_plain(path);
        }
        let mut file = tempfile::tempfile().map_err(|error| io_error(shown, error))?;
        io::copy(&mut self.input, &mut file)
            .and_then(|_| file.rewind())
            .map_err(|error| io_error(shown, error))?;
        Ok(file)
    }
}

/// Counts the bytes that are read.
struct CountingReader<R> {
    input: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for CountingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Decompressed bytes, as long as they are not beyond all proportion to what they come from.
struct Unpacked {
    input: Box<dyn Read>,
    packed: Arc<AtomicU64>,
    unpacked: u64,
}

impl Read for Unpacked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.unpacked += read as u64;
        let packed = self.packed.load(Ordering::Relaxed);
        if self.unpacked > HARMLESS_BYTES && self.unpacked > packed.saturating_mul(MOST_EXPANSION) {
            let expands = Expands { packed, unpacked: self.unpacked };
            return Err(io::Error::new(io::ErrorKind::InvalidData, expands));
        }
        Ok(read)
    }
}

/// zstd reports damaged data as `Other`; here it becomes `InvalidData`.
struct Unzstd<R>(R);

impl<R: Read> Read for Unzstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::Other => io::Error::new(io::ErrorKind::InvalidData, error),
            _ => error,
        })
    }
}

pub(super) fn open_plain(path: &Path) -> Result<File> {
    let file = File::open(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => {
            Error::NoSuchFile { path: path.to_owned(), known: crate::embedded::names() }
        }
        io::ErrorKind::IsADirectory => is_directory(path),
        _ => Error::Io { path: path.to_owned(), source },
    })?;
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err(is_directory(path));
    }
    Ok(file)
}

fn is_directory(path: &Path) -> Error {
    // the commonest folder to be named is one of MNIST's files
    let images = std::fs::read_dir(path).into_iter().flatten().flatten().find_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        (name.starts_with("train") && name.contains("images")).then_some(name)
    });
    Error::IsDirectory {
        path: path.to_owned(),
        hint: images.map(|name| format!(", such as {}", shown(&name).as_path())).unwrap_or_default(),
    }
}

fn peek<R: Read>(mut input: R, path: &Path) -> Result<(Vec<u8>, impl Read + use<R>)> {
    let mut head = Vec::new();
    input.by_ref().take(HEAD_BYTES).read_to_end(&mut head).map_err(|error| io_error(path, error))?;
    Ok((head.clone(), Cursor::new(head).chain(input)))
}

/// The name's promise, where it makes one, against the content.
pub(super) fn agree(path: &Path, found: Format) -> Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let name = [".gz", ".zst", ".zstd"].iter().find_map(|packed| name.strip_suffix(packed)).unwrap_or(&name);
    let json = matches!(found, Format::JsonLines | Format::JsonArray);
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    let (expected, fits) = if ends(&[".csv", ".tsv", ".tab"]) {
        ("a table as text", found == Format::Text)
    } else if ends(&[".txt"]) {
        ("a table as text", found == Format::Text || json)
    } else if ends(&[".jsonl", ".ndjson", ".json"]) {
        ("JSON: one object a line, or an array of objects", json)
    } else if ends(&[".arrow", ".arrows", ".feather", ".ipc"]) {
        ("an Arrow file", matches!(found, Format::ArrowFile | Format::ArrowStream))
    } else if ends(&[".parquet", ".pq"]) {
        ("Parquet", found == Format::Parquet)
    } else if ends(&["-ubyte", ".idx", ".idx1", ".idx3"]) {
        ("IDX", found == Format::Idx)
    } else {
        return Ok(());
    };
    if fits {
        return Ok(());
    }
    let advice = match found {
        Format::Other(_) => "export the table as CSV",
        _ => "give the file the ending of what it holds, or fetch it again",
    };
    Err(Error::WrongFormat { path: path.to_owned(), expected, found: found.name(), advice })
}

/// An error of reading: the file's own damage where the decompressor found it, else the operating system's.
pub(super) fn io_error(path: &Path, source: io::Error) -> Error {
    if let Some(&Malformed { line, encoding }) = source.get_ref().and_then(|inner| inner.downcast_ref()) {
        return Error::NotDecoded { path: path.to_owned(), line, encoding };
    }
    if let Some(&Expands { packed, unpacked }) = source.get_ref().and_then(|inner| inner.downcast_ref()) {
        return Error::ExpandsTooMuch { path: path.to_owned(), packed, unpacked, most: MOST_EXPANSION };
    }
    match source.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
            Error::Damaged { path: path.to_owned(), reason: source.to_string() }
        }
        _ => Error::Io { path: path.to_owned(), source },
    }
}

/// Bytes that are no text in the encoding of the file.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: bytes that are no text in {encoding}")]
pub(super) struct Malformed {
    pub(super) line: u64,
    pub(super) encoding: &'static str,
}

/// Content beyond all proportion to what it is packed in.
#[derive(Debug, thiserror::Error)]
#[error("{packed} bytes expand to more than {unpacked}")]
struct Expands {
    packed: u64,
    unpacked: u64,
}
