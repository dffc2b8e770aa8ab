//! Records on their way to a file, which a full disk holds up but does not lose.

use super::record::append_record;
use std::io::{self, ErrorKind, Write};

/// Bytes that are gathered before they are written.
const GATHERED: usize = 64 << 10;
/// Bytes that wait at most while nothing can be written.
const MOST: usize = 8 << 20;

/// A writer, and the records that it has not taken yet.
pub struct Pending {
    writer: Box<dyn Write + Send>,
    waiting: Vec<u8>,
    /// Whether the last attempt to write failed, which was said.
    failing: bool,
    left_out: u64,
}

impl Pending {
    pub fn new(writer: Box<dyn Write + Send>) -> Self {
        Self { writer, waiting: Vec::new(), failing: false, left_out: 0 }
    }

    /// Adds a record. After an error it waits for the next [`flush`](Self::flush) that succeeds, as do those that come
    /// after it.
    ///
    /// # Errors
    /// What could not be written, the first time.
    pub fn push(&mut self, record: &[u8]) -> io::Result<()> {
        if self.waiting.len() >= MOST {
            // whole records alone: half of one would spoil all behind it
            self.left_out += 1;
            return Ok(());
        }
        append_record(&mut self.waiting, record);
        // a disk that failed is not asked again for each record
        if self.waiting.len() < GATHERED || self.failing { Ok(()) } else { self.flush() }
    }

    /// Writes what waits.
    ///
    /// # Errors
    /// What could not be written, unless that was said already.
    pub fn flush(&mut self) -> io::Result<()> {
        let (written, result) = write_from(&mut *self.writer, &self.waiting);
        // so that the next attempt goes on behind the last byte that the file has
        self.waiting.drain(..written);
        let said = std::mem::replace(&mut self.failing, result.is_err());
        if said { Ok(()) } else { result }
    }

    /// Bytes that are not written.
    #[cfg(test)]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Records that were given up.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }
}

/// Writes bytes and says how many were written, which `write_all` does not.
fn write_from(writer: &mut dyn Write, bytes: &[u8]) -> (usize, io::Result<()>) {
    let mut written = 0;
    while written < bytes.len() {
        match writer.write(&bytes[written..]) {
            Ok(0) => return (written, Err(ErrorKind::WriteZero.into())),
            Ok(more) => written += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return (written, Err(error)),
        }
    }
    (written, writer.flush())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    /// A disk with room for some bytes.
    #[derive(Clone, Default)]
    struct Disk(Arc<Mutex<(Vec<u8>, usize)>>);

    impl Disk {
        fn set_room(&self, bytes: usize) {
            self.0.lock().unwrap().1 = bytes;
        }

        fn holds(&self) -> Vec<u8> {
            self.0.lock().unwrap().0.clone()
        }
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let (file, room) = &mut *self.0.lock().unwrap();
            let taken = bytes.len().min(*room);
            if taken == 0 {
                return Err(ErrorKind::StorageFull.into());
            }
            file.extend(&bytes[..taken]);
            *room -= taken;
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn pending() -> (Disk, Pending) {
        let disk = Disk::default();
        (disk.clone(), Pending::new(Box::new(disk)))
    }

    #[test]
    fn a_full_disk_is_said_once_and_loses_nothing() {
        let (disk, mut pending) = pending();
        let mut whole = Vec::new();
        let mut errors = 0;
        for i in 0..100u8 {
            disk.set_room(match i {
                // in the middle of a record
                2 => 10,
                3..=50 => 0,
                _ => usize::MAX,
            });
            append_record(&mut whole, &[i; 20]);
            errors += u8::from(pending.push(&[i; 20]).is_err());
            errors += u8::from(pending.flush().is_err());
        }
        assert_eq!((errors, pending.waiting(), pending.left_out()), (1, 0, 0));
        assert_eq!(disk.holds(), whole);
    }

    #[test]
    fn a_second_failure_is_said_too() {
        let (disk, mut pending) = pending();
        for _ in 0..2 {
            disk.set_room(0);
            pending.push(b"record").unwrap();
            assert_eq!(pending.flush().unwrap_err().kind(), ErrorKind::StorageFull);
            assert!(pending.flush().is_ok());
            disk.set_room(100);
            assert!(pending.flush().is_ok());
            assert_eq!(pending.waiting(), 0);
        }
    }

    #[test]
    fn what_waits_is_bounded() {
        let (disk, mut pending) = pending();
        let record = vec![7; 1 << 20];
        let errors = (0..100).filter(|_| pending.push(&record).is_err()).count();
        assert_eq!(errors, 1);
        assert_eq!(pending.left_out(), 92);
        disk.set_room(usize::MAX);
        pending.flush().unwrap();
        let mut expected = Vec::new();
        (0..8).for_each(|_| append_record(&mut expected, &record));
        assert!(disk.holds() == expected);
    }

    #[test]
    fn records_are_gathered() {
        let (disk, mut pending) = pending();
        disk.set_room(usize::MAX);
        pending.push(&[0; 100]).unwrap();
        assert!(disk.holds().is_empty());
        pending.push(&[0; GATHERED]).unwrap();
        assert_eq!(pending.waiting(), 0);
    }
}
