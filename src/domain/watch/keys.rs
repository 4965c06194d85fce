//! Under which keys a name, plate, number or word stands. What may match shares a key; what shares a key need not match.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::matching::fold::words;
use crate::domain::matching::names::{essential, parts, sound_keys, sound_keys_like};
use crate::domain::matching::nicknames::groups_of;
use crate::domain::matching::{phones, plates};
use crate::domain::watch::postings::Key;
use crate::domain::watch::sought::{Sort, Sought};

/// Parts of a name that are put in pairs; nobody is told apart by the sixth.
const NAME_PARTS_MAX: usize = 5;
/// Characters of a part of a plate, at least.
pub(super) const PLATE_PART_CHARS_MIN: usize = 4;
/// Characters of a plate that lie together, at least, to make two plates worth comparing.
pub(super) const GRAM_CHARS: usize = 3;
/// Digits at the end of a phone number by which it is found: no country or trunk prefix reaches there.
const PHONE_DIGITS: usize = 6;
/// Shortest identifier: a shorter one is a word of every second text.
const IDENTIFIER_CHARS_MIN: usize = 4;
/// Words whose sound is kept at hand.
const CODES_KEPT_MAX: usize = 20_000;

/// What a key is of, so that a plate is not found by a phone.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(super) enum Of {
    /// Two parts of a name, by sound or nickname, in any order.
    Pair,
    /// One part of a name by sound, another one by its first letter.
    Initial,
    /// A name written as one word, by sound.
    Whole,
    /// A whole plate, look-alikes folded.
    Plate,
    /// Characters of a plate that lie together, look-alikes folded.
    Gram,
    /// The most that lies together of a plate of which characters were not read, look-alikes folded.
    Unread,
    /// The end of a phone number.
    Phone,
    /// An identifier without its punctuation.
    Identifier,
    /// The first word of a text of one.
    Word,
    /// The first two words of a text.
    Words,
    /// No entry, but a sound.
    Code,
}

/// The key of one or two words.
pub(super) fn key(of: Of, texts: &[&str]) -> Key {
    let bytes = texts.iter().flat_map(|text| text.bytes().chain([0xff]));
    hash(of, bytes)
}

/// The key of two codes.
fn key_of_codes(of: Of, left: Code, right: Code) -> Key {
    hash(of, left.to_le_bytes().into_iter().chain(right.to_le_bytes()))
}

/// FNV-1a, with its bits mixed once more: the filter of postings takes the low ones.
fn hash(of: Of, bytes: impl Iterator<Item = u8>) -> Key {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in std::iter::once(of as u8).chain(bytes) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash ^= hash >> 32;
    hash = hash.wrapping_mul(0xd6e8_feb8_6659_fd93);
    u32::try_from(hash >> 32).expect("half of 64 bits are 32")
}

/// How a word sounds, or for what it can stand, hashed.
pub(super) type Code = u32;

/// How words sound, kept at hand: finding it out takes longer than all the rest.
#[derive(Debug, Default)]
pub struct Codes {
    own: HashMap<String, Arc<[Code]>>,
    like: HashMap<String, Arc<[Code]>>,
}

impl Codes {
    /// The codes of an entry's word: of its sound, and of the names for which it can stand.
    fn own(&mut self, word: &str) -> Arc<[Code]> {
        known(&mut self.own, word, sound_keys)
    }

    /// The codes under which entries stand that sound like this word.
    pub(super) fn like(&mut self, word: &str) -> Arc<[Code]> {
        known(&mut self.like, word, sound_keys_like)
    }
}

fn known(
    kept: &mut HashMap<String, Arc<[Code]>>,
    word: &str,
    sounds: fn(&str) -> Vec<String>,
) -> Arc<[Code]> {
    if let Some(codes) = kept.get(word) {
        return Arc::clone(codes);
    }
    if kept.len() >= CODES_KEPT_MAX {
        kept.clear();
    }
    let sounds = sounds(word);
    // What has no sound is compared as it is written.
    let written = sounds.is_empty().then(|| key(Of::Code, &["=", word]));
    let groups = groups_of(word).iter();
    let groups = groups.map(|group| key(Of::Code, &["group", &group.to_string()]));
    let sounds = sounds.iter().map(|sound| key(Of::Code, &[sound]));
    let codes: Arc<[Code]> = sounds.chain(written).chain(groups).collect();
    kept.insert(word.to_owned(), Arc::clone(&codes));
    codes
}

/// The keys of what is looked for.
pub(super) fn of_sought(sought: &Sought, codes: &mut Codes, keys: &mut Vec<Key>) {
    for spelling in sought.spellings() {
        match sought.sort {
            Sort::Name => of_name(spelling, &mut |word| codes.own(word), keys),
            Sort::Plate => {
                of_plate(spelling, keys);
                keys.extend(of_unread(&plate(spelling)));
            }
            Sort::Phone => keys.extend(of_phone(spelling)),
            Sort::Identifier => keys.extend(of_identifier(spelling)),
            Sort::Text => keys.extend(of_words(spelling)),
        }
    }
    keys.sort_unstable();
    keys.dedup();
}

/// The keys under which entries stand that may be this name.
pub(super) fn like_name(name: &str, codes: &mut Codes, keys: &mut Vec<Key>) {
    of_name(name, &mut |word| codes.like(word), keys);
}

fn of_name(name: &str, codes_of: &mut dyn FnMut(&str) -> Arc<[Code]>, keys: &mut Vec<Key>) {
    for code in &*codes_of(&parts(name).concat()) {
        keys.push(key_of_codes(Of::Whole, *code, 0));
    }
    let mut essential = essential(name);
    essential.truncate(NAME_PARTS_MAX);
    let coded: Vec<_> = essential.iter().map(|part| (part, codes_of(part))).collect();
    for (place, (left, left_codes)) in coded.iter().enumerate() {
        for (right, right_codes) in &coded[place + 1..] {
            pairs(left_codes, right_codes, keys);
            initials(left_codes, right, keys);
            initials(right_codes, left, keys);
        }
    }
}

/// The keys of two parts of a name by their codes.
pub(super) fn pairs(left: &[Code], right: &[Code], keys: &mut Vec<Key>) {
    for left in left {
        for right in right {
            keys.push(key_of_codes(Of::Pair, *left.min(right), *left.max(right)));
        }
    }
}

fn initials(codes: &[Code], other: &str, keys: &mut Vec<Key>) {
    let Some(initial) = other.chars().next() else {
        return;
    };
    for code in codes {
        keys.push(key_of_codes(Of::Initial, *code, initial.into()));
    }
}

/// A plate's characters as they are compared; `?`, `*` and `_` stand for one that nobody has read.
pub(super) fn plate(text: &str) -> String {
    let known = text
        .split(is_unread)
        .map(|part| plates::look_alike(&plates::normal(part)));
    known.collect::<Vec<_>>().join("?")
}

/// Whether a plate can be found by what was read of it: a whole one by itself, one in part by what lies together.
pub(super) fn is_fit_plate(text: &str) -> bool {
    /// Shorter ones stand in every second text.
    const WHOLE_CHARS_MIN: usize = 2;
    let plate = plate(text);
    let parts = || plate.split('?').map(|part| part.chars().count());
    let read: usize = parts().sum();
    match plate.contains('?') {
        true => read >= PLATE_PART_CHARS_MIN && parts().any(|part| part >= GRAM_CHARS),
        false => read >= WHOLE_CHARS_MIN,
    }
}

fn is_unread(c: char) -> bool {
    matches!(c, '?' | '*' | '_')
}

/// The keys of a plate: whole, and by what lies together in it.
pub(super) fn of_plate(text: &str, keys: &mut Vec<Key>) {
    let plate = plate(text);
    if !plate.is_empty() {
        keys.push(key(Of::Plate, &[&plate]));
    }
    grams(&plate, keys);
}

/// The keys of what lies together in a plate as it is compared.
pub(super) fn grams(plate: &str, keys: &mut Vec<Key>) {
    for part in plate.split('?') {
        let chars: Vec<char> = part.chars().collect();
        for gram in chars.windows(GRAM_CHARS) {
            keys.push(key(Of::Gram, &[&gram.iter().collect::<String>()]));
        }
    }
}

/// The key of a plate as it is compared, if characters of it were not read.
fn of_unread(plate: &str) -> Option<Key> {
    let is_unread = plate.contains('?');
    let longest = plate.split('?').max_by_key(|part| part.chars().count());
    let longest = longest.filter(|part| is_unread && part.chars().count() >= GRAM_CHARS);
    longest.map(|part| key(Of::Unread, &[part]))
}

/// The keys under which plates stand of which not all was read, and which may be this one as it is compared.
pub(super) fn like_unread(plate: &str, keys: &mut Vec<Key>) {
    for part in plate.split('?') {
        let chars: Vec<char> = part.chars().collect();
        for first in 0..chars.len() {
            for end in first + GRAM_CHARS..=chars.len() {
                keys.push(key(Of::Unread, &[&chars[first..end].iter().collect::<String>()]));
            }
        }
    }
}

/// The key of a phone number.
pub(super) fn of_phone(text: &str) -> Option<Key> {
    let digits = phones::parse(text)?.digits;
    let end = digits.len().saturating_sub(PHONE_DIGITS);
    (!digits.is_empty()).then(|| key(Of::Phone, &[&digits[end..]]))
}

/// An identifier as it is compared: `D123-4567` is `d1234567`.
pub(super) fn identifier(text: &str) -> String {
    words(text).into_iter().map(|word| word.text).collect()
}

/// The key of an identifier, unless it is too short to be one.
pub(super) fn of_identifier(text: &str) -> Option<Key> {
    let normal = identifier(text);
    (normal.len() >= IDENTIFIER_CHARS_MIN).then(|| key(Of::Identifier, &[&normal]))
}

/// The key of words that stand together in a text.
pub(super) fn of_words(text: &str) -> Option<Key> {
    let words = words(text);
    match &words[..] {
        [] => None,
        [only] => Some(key(Of::Word, &[&only.text])),
        [first, second, ..] => Some(key(Of::Words, &[&first.text, &second.text])),
    }
}
