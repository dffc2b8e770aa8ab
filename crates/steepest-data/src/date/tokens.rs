//! A cell as numbers, words and the marks between them.

/// Where reading stands in a cell. Every method either takes what it names, or nothing.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

/// Digits that stand together.
#[derive(Clone, Copy)]
pub(super) struct Digits {
    pub(super) value: u64,
    /// Number of digits, leading zeros among them.
    pub(super) width: usize,
}

impl Digits {
    /// The value, where there are `least..=most` digits; `most` is at most 2.
    pub(super) fn small(self, least: usize, most: usize) -> Option<u8> {
        (least..=most).contains(&self.width).then_some(self.value as u8)
    }

    pub(super) fn year(self) -> Option<u16> {
        (self.width == 4).then_some(self.value as u16)
    }
}

/// More letters than any name of a month or weekday has.
const LONGEST_WORD: usize = 12;

/// A word in lower case and without accents, so that one spelling of a name serves all.
#[derive(Clone, Copy)]
pub(super) struct Word {
    letters: [u8; LONGEST_WORD],
    length: usize,
}

impl Word {
    pub(super) fn letters(&self) -> &[u8] {
        &self.letters[..self.length]
    }

    pub(super) fn is_any(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.letters() == word.as_bytes())
    }
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn done(&self) -> bool {
        self.at == self.text.len()
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(super) fn at_digit(&self) -> bool {
        self.peek().is_some_and(|byte| byte.is_ascii_digit())
    }

    /// Takes one of these ASCII characters.
    pub(super) fn any(&mut self, allowed: &[u8]) -> Option<u8> {
        let byte = self.peek().filter(|byte| allowed.contains(byte))?;
        self.at += 1;
        Some(byte)
    }

    pub(super) fn eat(&mut self, byte: u8) -> bool {
        self.any(&[byte]).is_some()
    }

    /// Takes all of these ASCII characters and blanks that follow; says whether there were any.
    pub(super) fn skip(&mut self, marks: &[u8]) -> bool {
        let start = self.at;
        while self.any(marks).is_some() || self.blanks() {}
        self.at > start
    }

    /// Takes blanks, also those that do not break: programs put them before "PM".
    pub(super) fn blanks(&mut self) -> bool {
        let start = self.at;
        let bytes = self.text.as_bytes();
        loop {
            match &bytes[self.at..] {
                [b' ', ..] => self.at += 1,
                [0xC2, 0xA0, ..] => self.at += 2,
                [0xE2, 0x80, 0xAF, ..] => self.at += 3,
                _ => return self.at > start,
            }
        }
    }

    /// Takes digits, of which a number of 64 bits holds all.
    pub(super) fn digits(&mut self) -> Option<Digits> {
        let rest = &self.text.as_bytes()[self.at..];
        let (mut value, mut width) = (0u64, 0);
        while let Some(digit) = rest.get(width).filter(|byte| byte.is_ascii_digit()) {
            value = value.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
            width += 1;
        }
        self.at += width;
        (width > 0).then_some(Digits { value, width })
    }

    /// Takes a fraction of a second, of any number of digits; the milliseconds, cut off.
    pub(super) fn milliseconds(&mut self) -> Option<i64> {
        let rest = &self.text.as_bytes()[self.at..];
        let width = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += width;
        let digit = |place: usize| if place < width { i64::from(rest[place] - b'0') } else { 0 };
        (width > 0).then(|| digit(0) * 100 + digit(1) * 10 + digit(2))
    }

    /// Takes letters, as many as stand together and at most [`LONGEST_WORD`].
    pub(super) fn word(&mut self) -> Option<Word> {
        let mut word = Word { letters: [0; LONGEST_WORD], length: 0 };
        let mut at = self.at;
        for character in self.text[self.at..].chars() {
            // an accent that stands apart from its letter
            if !matches!(character, '\u{300}'..='\u{36f}') {
                let Some(letter) = plain_letter(character) else { break };
                *word.letters.get_mut(word.length)? = letter;
                word.length += 1;
            }
            at += character.len_utf8();
        }
        if word.length == 0 {
            return None;
        }
        self.at = at;
        Some(word)
    }

    /// Takes one of these words, and says whether one stood there.
    pub(super) fn eat_word(&mut self, expected: &[&str]) -> bool {
        let mut ahead = *self;
        let found = ahead.word().is_some_and(|word| word.is_any(expected));
        if found {
            *self = ahead;
        }
        found
    }

    /// Takes a zone's name in brackets at the end, which says nothing that the offset before it does not.
    pub(super) fn zone_name(&mut self) {
        let mut ahead = *self;
        ahead.blanks();
        let ends = match ahead.peek() {
            Some(b'[') => self.text.ends_with(']'),
            Some(b'(') => self.text.ends_with(')'),
            _ => false,
        };
        if ends {
            self.at = self.text.len();
        }
    }
}

fn plain_letter(character: char) -> Option<u8> {
    if character.is_ascii() {
        return character.is_ascii_alphabetic().then(|| character.to_ascii_lowercase() as u8);
    }
    Some(match character.to_lowercase().next()? {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' => b'a',
        'è' | 'é' | 'ê' | 'ë' => b'e',
        'ì' | 'í' | 'î' | 'ï' => b'i',
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' => b'o',
        'ù' | 'ú' | 'û' | 'ü' => b'u',
        'ç' => b'c',
        'ñ' => b'n',
        _ => return None,
    })
}
