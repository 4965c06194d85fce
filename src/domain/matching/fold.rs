//! Text in any script as plain lower-case ASCII words, each with its place in the original.

use std::borrow::Cow;

use any_ascii::any_ascii_char;
use unicode_normalization::{UnicodeNormalization as _, is_nfc};

/// Letters of a word that count; what follows is cut, in the index and in the query alike.
const WORD_BYTES_MAX: usize = 100;

/// A word as it was written and as it is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// Lower-case ASCII letters and digits (or the original, where no transliteration is known).
    pub text: String,
    /// First byte in the original.
    pub start: usize,
    /// Byte after the last in the original.
    pub end: usize,
    /// Whether an apostrophe stood inside: `o'brien` is also looked for as `brien`.
    pub tail: Option<String>,
    /// Whether a hyphen joins it with the word before.
    pub hyphenated: bool,
}

/// A text with each letter and its marks in one, where Unicode has that: what looks the same is the same then (its form NFC).
pub fn composed(text: &str) -> Cow<'_, str> {
    match text.is_ascii() || is_nfc(text) {
        true => Cow::Borrowed(text),
        false => Cow::Owned(text.nfc().collect()),
    }
}

/// The words of a text. An apostrophe joins (`O'Brien` → `obrien`), every other sign separates, and a character of a
/// script without spaces is a word by itself.
pub fn words(text: &str) -> Vec<Word> {
    let mut found: Vec<Word> = Vec::new();
    let mut open: Option<(usize, usize)> = None;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let end = at + c.len_utf8();
        let joins = is_apostrophe(c)
            && open.is_some()
            && chars
                .peek()
                .is_some_and(|(_, next)| next.is_alphanumeric() && !stands_alone(*next));
        if stands_alone(c) {
            close(text, &mut open, &mut found);
            push(text, at, end, &mut found);
        } else if c.is_alphanumeric() || joins || (is_mark(c) && open.is_some()) {
            open = Some((open.map_or(at, |(start, _)| start), end));
        } else {
            close(text, &mut open, &mut found);
        }
    }
    close(text, &mut open, &mut found);
    found
}

/// The text as a keyboard of Latin letters types it: letters, digits and signs of full width, and digits of the other scripts
/// that people type on phones (Arabic, Persian, Devanagari).
pub fn narrow(text: &str) -> Cow<'_, str> {
    let narrow = |c: char| {
        let (first, plain) = match c {
            '\u{660}'..='\u{669}' => ('\u{660}', '0'),
            '\u{6f0}'..='\u{6f9}' => ('\u{6f0}', '0'),
            '\u{966}'..='\u{96f}' => ('\u{966}', '0'),
            '\u{ff01}'..='\u{ff5e}' => ('\u{ff01}', '!'),
            '\u{3000}' => (c, ' '),
            _ => return c,
        };
        char::from_u32(u32::from(c) - u32::from(first) + u32::from(plain)).unwrap_or(c)
    };
    match text.chars().all(|c| narrow(c) == c) {
        true => Cow::Borrowed(text),
        false => Cow::Owned(text.chars().map(narrow).collect()),
    }
}

/// One word as it is compared: transliterated, lower-case, letters and digits only. Empty if nothing is left.
pub fn fold(word: &str) -> String {
    let mut folded = String::with_capacity(word.len());
    for c in word.chars() {
        if c.is_ascii() {
            folded.push(c.to_ascii_lowercase());
        } else if c == 'ع' {
            // Nobody writes this consonant in Latin letters, but always the vowel after it.
            folded.push('a');
        } else {
            folded.push_str(&any_ascii_char(c).to_ascii_lowercase());
        }
    }
    folded.retain(|c| c.is_ascii_alphanumeric());
    if folded.is_empty() {
        folded = word
            .chars()
            .filter(|c| c.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect();
    }
    let mut cut = folded.len().min(WORD_BYTES_MAX);
    while !folded.is_char_boundary(cut) {
        cut -= 1;
    }
    folded.truncate(cut);
    folded
}

fn close(text: &str, open: &mut Option<(usize, usize)>, found: &mut Vec<Word>) {
    if let Some((start, end)) = open.take() {
        push(text, start, end, found);
    }
}

fn push(text: &str, start: usize, end: usize, found: &mut Vec<Word>) {
    let word = &text[start..end];
    let folded = fold(word);
    if folded.is_empty() {
        return;
    }
    let tail = word
        .split(is_apostrophe)
        .skip(1)
        .last()
        .map(fold)
        .filter(|tail| tail.len() > 2);
    let hyphenated = found
        .last()
        .is_some_and(|before| matches!(&text[before.end..start], "-" | "‐" | "‑"));
    found.push(Word {
        text: folded,
        start,
        end,
        tail,
        hyphenated,
    });
}

fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '’' | '‘' | 'ʼ' | 'ʻ' | '`' | '´')
}

/// Signs inside a word that are no letters: combining accents, Arabic vowel signs, viramas, joiners.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5c7}' | '\u{610}'..='\u{61a}' | '\u{640}'
        | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{93c}' | '\u{94d}' | '\u{9cd}' | '\u{a4d}' | '\u{acd}'
        | '\u{b4d}' | '\u{bcd}' | '\u{c4d}' | '\u{ccd}' | '\u{d4d}' | '\u{e31}' | '\u{e34}'..='\u{e3a}'
        | '\u{e47}'..='\u{e4e}' | '\u{200c}' | '\u{200d}')
}

fn stands_alone(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{2fa1f}')
}

#[cfg(test)]
mod tests {
    use super::{fold, words};

    #[test]
    fn words_of_every_script_become_ascii() {
        let check = |input: &str, expected: &[&str]| {
            let found: Vec<String> = words(input).into_iter().map(|word| word.text).collect();
            assert_eq!(found, expected, "{input}");
        };
        check("Jean-Pierre O’Brien", &["jean", "pierre", "obrien"]);
        check("Иванов, Пётр", &["ivanov", "petr"]);
        check("Müller & Søn", &["muller", "son"]);
        check("محمد", &["mhmd"]);
        check("王伟", &["wang", "wei"]);
        check("it's 'quoted'", &["its", "quoted"]);
        check("", &[]);
        check("—!?", &[]);
    }

    #[test]
    fn places_are_bytes_of_the_original() {
        let text = "«Пётр» x";
        let first = &words(text)[0];
        assert_eq!(&text[first.start..first.end], "Пётр");
    }

    #[test]
    fn a_long_word_is_cut() {
        assert_eq!(fold(&"ab".repeat(500)).len(), 100);
    }
}
