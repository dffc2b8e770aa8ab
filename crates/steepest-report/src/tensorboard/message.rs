//! Protocol buffers, of which an event file needs to write five kinds of fields and to read none.

/// A message, field after field in the order of the calls.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Message(Vec<u8>);

/// How the bytes of a field are to be read, in the lowest three bits of its key.
#[derive(Clone, Copy)]
enum Wire {
    Varint = 0,
    Bits64 = 1,
    Bytes = 2,
    Bits32 = 5,
}

impl Message {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// A whole number; an enumeration and a truth value are one too.
    pub fn integer(mut self, field: u32, x: i64) -> Self {
        self.key(field, Wire::Varint);
        // a negative number is written as its two's complement of 64 bits
        self.varint(x as u64);
        self
    }

    pub fn double(mut self, field: u32, x: f64) -> Self {
        self.key(field, Wire::Bits64);
        self.0.extend(x.to_le_bytes());
        self
    }

    pub fn float(mut self, field: u32, x: f32) -> Self {
        self.key(field, Wire::Bits32);
        self.0.extend(x.to_le_bytes());
        self
    }

    pub fn bytes(mut self, field: u32, bytes: &[u8]) -> Self {
        self.key(field, Wire::Bytes);
        self.varint(bytes.len() as u64);
        self.0.extend(bytes);
        self
    }

    pub fn text(self, field: u32, text: &str) -> Self {
        self.bytes(field, text.as_bytes())
    }

    pub fn message(self, field: u32, message: &Self) -> Self {
        self.bytes(field, &message.0)
    }

    /// Many numbers as one field.
    pub fn doubles(mut self, field: u32, numbers: impl ExactSizeIterator<Item = f64>) -> Self {
        self.key(field, Wire::Bytes);
        self.varint(8 * numbers.len() as u64);
        self.0.extend(numbers.flat_map(f64::to_le_bytes));
        self
    }

    fn key(&mut self, field: u32, wire: Wire) {
        self.varint(u64::from(field) << 3 | wire as u64);
    }

    /// Seven bits a byte, the lowest first; the eighth says that more follow.
    fn varint(&mut self, mut x: u64) {
        while x >= 0x80 {
            self.0.push(x as u8 | 0x80);
            x >>= 7;
        }
        self.0.push(x as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_at_their_edges() {
        let varint = |x: u64| {
            let mut message = Message::new();
            message.varint(x);
            message.0
        };
        for (x, expected) in [
            (0, vec![0]),
            (1, vec![1]),
            (127, vec![0x7F]),
            (128, vec![0x80, 0x01]),
            (300, vec![0xAC, 0x02]),
            (16_383, vec![0xFF, 0x7F]),
            (16_384, vec![0x80, 0x80, 0x01]),
            (1 << 63, [vec![0x80; 9], vec![0x01]].concat()),
            (u64::MAX, [vec![0xFF; 9], vec![0x01]].concat()),
        ] {
            assert_eq!(varint(x), expected, "{x}");
        }
    }

    #[test]
    fn fields_are_those_of_protocol_buffers() {
        let bytes = |message: Message| message.0;
        assert_eq!(bytes(Message::new().integer(1, 150)), [0x08, 0x96, 0x01]);
        assert_eq!(
            bytes(Message::new().integer(1, -2)),
            [vec![0x08, 0xFE], vec![0xFF; 8], vec![0x01]].concat()
        );
        assert_eq!(bytes(Message::new().text(2, "testing")), b"\x12\x07testing");
        assert_eq!(
            bytes(Message::new().message(3, &Message::new().integer(1, 150))),
            b"\x1A\x03\x08\x96\x01"
        );
        // a field above 15 has a key of two bytes
        assert_eq!(bytes(Message::new().float(16, -0.0)), [0x85, 0x01, 0, 0, 0, 0x80]);
        assert_eq!(
            bytes(Message::new().doubles(4, [1.0, 2.0].into_iter())),
            [vec![0x22, 16], 1f64.to_le_bytes().into(), 2f64.to_le_bytes().into()].concat()
        );
    }
}
