//! Whether text reads as a Western language in windows-1252, the commonest of the old encodings by far.
//!
//! A table is short and repeats its words, which leads a statistical detector to neighbours of that encoding. The
//! languages of those put letters where Western ones never have them: `Gdañsk`, `Gyõr`, `Koèevje`.

use std::collections::HashSet;

use encoding_rs::WINDOWS_1252;

/// How many different words are looked at.
const MOST_WORDS: usize = 10_000;

/// Different words with letters or signs beyond ASCII.
#[derive(Debug, Default)]
pub(super) struct Words {
    words: HashSet<Vec<u8>>,
    /// Whether two bytes beyond ASCII stand together, as those of one letter do where it has several.
    pub(super) in_pairs: bool,
}

impl Words {
    /// Takes in the words of a piece of text; those at its ends may be cut and are left out.
    pub(super) fn take(&mut self, piece: &[u8]) {
        let mut words = piece.split(|byte| !(byte.is_ascii_alphabetic() || *byte >= 0x80)).skip(1).peekable();
        while let Some(word) = words.next() {
            if words.peek().is_none() || self.words.len() == MOST_WORDS {
                return;
            }
            if !word.is_ascii() && !self.words.contains(word) {
                self.in_pairs |= word.windows(2).any(|pair| pair[0] >= 0x80 && pair[1] >= 0x80);
                self.words.insert(word.to_vec());
            }
        }
    }

    /// Whether all of them could stand in a Western text.
    pub(super) fn are_western(&self) -> bool {
        self.words.iter().all(|word| {
            let text = WINDOWS_1252.decode_without_bom_handling(word).0;
            let letters: Vec<char> = text.chars().collect();
            (0..letters.len()).all(|at| {
                is_western(at.checked_sub(1).map(|at| letters[at]), letters[at], letters.get(at + 1).copied())
            })
        })
    }
}

/// Whether a letter or sign stands in a Western word between these.
fn is_western(before: Option<char>, this: char, after: Option<char>) -> bool {
    let vowel = |c: char| "aeiouyáéíóúàâêîôûäëïöüãõ".contains(c.to_lowercase().next().unwrap_or(c));
    if this.is_ascii() {
        return true;
    }
    match this.to_lowercase().next().unwrap_or(this) {
        'ä' | 'ö' | 'ü' | 'ß' | 'à' | 'â' | 'é' | 'ê' | 'ë' | 'î' | 'ï' | 'ô' | 'û' | 'á' | 'í' | 'ó'
        | 'ú' | 'å' | 'æ' | 'ø' | 'œ' | 'ÿ' | 'š' | 'ž' => true,
        'è' => after.is_none_or(|after| !vowel(after)),
        'ñ' => after.is_some_and(vowel),
        'ç' => after.is_none_or(vowel),
        'ã' => after.is_none_or(|after| "oesOES".contains(after)),
        'õ' => after.is_some_and(|after| "eE".contains(after)),
        'ì' | 'ò' | 'ù' => after.is_none(),
        // marks of writing stand between letters, or before them
        '’' | '‘' | '“' | '”' | '„' | '–' | '—' | '…' | '·' | '\u{a0}' | '«' | '»' | '¿' | '¡' => {
            !matches!(this, '¿' | '¡') || before.is_none()
        }
        '°' | 'µ' => before.is_none(),
        // other signs stand alone or behind a word, as the square of a unit does
        '²' | '³' | '¹' | 'º' | 'ª' | '®' | '©' | '™' | '‰' | '€' | '£' | '¥' | '§' | '±' | '½' | '¼'
        | '¾' | '•' | '†' => after.is_none(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use encoding_rs::{Encoding, ISO_8859_2, SHIFT_JIS, WINDOWS_1250, WINDOWS_1254, WINDOWS_1257};

    fn western(text: &str, encoding: &'static Encoding) -> bool {
        let mut words = Words::default();
        words.take(&encoding.encode(&format!("\n{text}\n")).0);
        words.are_western()
    }

    #[test]
    fn words_of_many_languages() {
        for text in [
            "Málaga Córdoba Köln Genève señal r² 5 °C £4 Straße",
            "mère où ça l’été naïve",
            "São Paulo irmãs ações",
            "perché più città",
            "København Malmö Åse",
            "¿Qué año? «Sí»",
        ] {
            assert!(western(text, WINDOWS_1252), "{text}");
        }
        for (text, encoding) in [
            ("Gdańsk", WINDOWS_1250),
            ("Łódź", WINDOWS_1250),
            ("Wrocław", WINDOWS_1250),
            ("Győr", WINDOWS_1250),
            ("Děčín", WINDOWS_1250),
            ("Kočevje", ISO_8859_2),
            ("Brăila", WINDOWS_1250),
            ("Iğdır", WINDOWS_1254),
            ("Šiauliai", WINDOWS_1257),
            ("東京大阪です", SHIFT_JIS),
        ] {
            assert!(!western(text, encoding), "{text}");
        }
    }
}
