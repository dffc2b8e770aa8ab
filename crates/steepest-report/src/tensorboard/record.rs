//! Records: an event file is one after the other.

use super::crc32c::masked;

/// Appends a record: its length in 8 bytes, the checksum of these, its bytes, their checksum; all little-endian.
pub fn append_record(file: &mut Vec<u8>, bytes: &[u8]) {
    let length = (bytes.len() as u64).to_le_bytes();
    file.extend(length);
    file.extend(masked(&length).to_le_bytes());
    file.extend(bytes);
    file.extend(masked(bytes).to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a file begins with: `file_version: "brain.Event:2"` at a time of TensorFlow's. The checksums are those of
    /// TensorBoard 2.21's `masked_crc32c`.
    #[test]
    fn a_record_has_the_bytes_that_tensorflow_writes() {
        let event =
            [&[0x09, 0, 0, 0x80, 0x79, 0xDA, 0xFB, 0xD8, 0x41, 0x1A, 0x0D], &b"brain.Event:2"[..]].concat();
        let mut file = Vec::new();
        append_record(&mut file, &event);
        let before = [24, 0, 0, 0, 0, 0, 0, 0, 0xA3, 0x7F, 0x4B, 0x22];
        let after = [0xF5, 0x41, 0xF2, 0xB1];
        assert_eq!(file, [&before[..], &event, &after].concat());
    }
}
