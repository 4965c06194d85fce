//! All that is looked for, found again by what a record says. It holds nothing but keys and the entries themselves: who owns
//! an entry, and until when it counts, its holder keeps by the place that the entry has here.

use crate::domain::matching::fold::narrow;
use crate::domain::matching::plates;
use crate::domain::watch::facts::Facts;
use crate::domain::watch::judge::{self, Match};
use crate::domain::watch::keys::{self, Of, key};
use crate::domain::watch::postings::{Key, Postings};
use crate::domain::watch::sought::{Sort, Sought};
use crate::domain::watch::words::{PlateSaid, Token, Words};

pub use crate::domain::watch::judge::{Found, Likely};
pub use crate::domain::watch::keys::Codes;

/// Rows of characters that two plates share, at least, if one is a part of the other.
const GRAMS_SHARED_MIN: usize = 2;

/// Entries by the keys of what they look for.
#[derive(Debug, Default)]
pub struct Index {
    entries: Vec<Option<Sought>>,
    /// Places that no entry has and no posting names.
    free: Vec<u32>,
    /// Places that postings may still name.
    gone: Vec<u32>,
    postings: Postings,
    /// Bytes of the entries.
    bytes: usize,
}

impl Index {
    /// Takes an entry; gives its place.
    pub fn add(&mut self, sought: Sought, codes: &mut Codes) -> u32 {
        let mut found = Vec::new();
        keys::of_sought(&sought, codes, &mut found);
        self.bytes += sought.bytes();
        let place = self.free.pop().unwrap_or_else(|| {
            self.entries.push(None);
            u32::try_from(self.entries.len() - 1)
                .expect("entries are bounded by a setting far below 4 thousand million")
        });
        self.entries[place as usize] = Some(sought);
        for key in found {
            self.postings.add(key, place);
        }
        if self.postings.is_due() {
            self.settle();
        }
        place
    }

    /// Forgets an entry.
    pub fn remove(&mut self, place: u32) {
        if let Some(sought) = self.entries.get_mut(place as usize).and_then(Option::take) {
            self.bytes -= sought.bytes();
            self.gone.push(place);
        }
    }

    /// Puts everything in order after many changes.
    pub fn settle(&mut self) {
        let entries = &self.entries;
        self.postings.settle(|place| entries[place as usize].is_some());
        self.free.append(&mut self.gone);
    }

    /// The entry at a place.
    pub fn get(&self, place: u32) -> Option<&Sought> {
        self.entries.get(place as usize)?.as_ref()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len() - self.free.len() - self.gone.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The memory that it takes.
    pub fn bytes(&self) -> usize {
        let empty = (self.entries.capacity() - self.len()) * size_of::<Option<Sought>>();
        self.bytes + empty + self.postings.bytes()
    }

    /// The entries that a record says, each with the surest of its reasons.
    pub fn find(&self, facts: &Facts, likely: Likely, codes: &mut Codes) -> Vec<Found> {
        let mut search = Search {
            index: self,
            likely,
            found: Vec::new(),
            candidates: Vec::new(),
        };
        if !self.is_empty() {
            search.names(facts, codes);
            search.numbers(facts);
            facts.texts.iter().for_each(|text| search.text(text, codes));
        }
        let mut found = search.found;
        found.sort_by(|one, two| {
            (one.place, two.score)
                .partial_cmp(&(two.place, one.score))
                .expect("no NaN")
        });
        found.dedup_by_key(|found| found.place);
        found
    }
}

/// One record held against all entries.
struct Search<'i> {
    index: &'i Index,
    likely: Likely,
    found: Vec<Found>,
    /// Used again for each key.
    candidates: Vec<u32>,
}

impl<'i> Search<'i> {
    /// Judges what stands under these keys, each entry once.
    fn under(&mut self, keys: &[Key], sorts: &[Sort], judge: &dyn Fn(&'i Sought) -> Option<Match>) {
        self.candidates.clear();
        self.gather(keys);
        self.candidates.sort_unstable();
        self.candidates.dedup();
        self.judge(sorts, judge);
    }

    /// Takes what stands under these keys.
    fn gather(&mut self, keys: &[Key]) {
        for key in keys {
            self.index.postings.find(*key, &mut self.candidates);
        }
    }

    /// Judges what was gathered.
    fn judge(&mut self, sorts: &[Sort], judge: &dyn Fn(&'i Sought) -> Option<Match>) {
        for place in &self.candidates {
            // Two keys may fall together, so the sort is asked for.
            let Some(sought) = self
                .index
                .get(*place)
                .filter(|sought| sorts.contains(&sought.sort))
            else {
                continue;
            };
            if let Some(found) = judge(sought).filter(|found| found.score >= self.likely.least(sought.sort)) {
                self.found.push(found.at(*place));
            }
        }
    }

    fn names(&mut self, facts: &Facts, codes: &mut Codes) {
        for name in &facts.names {
            let mut found = Vec::new();
            keys::like_name(name, codes, &mut found);
            self.under(&found, &[Sort::Name], &|sought| {
                judge::name(sought, name, facts.born)
            });
        }
    }

    fn numbers(&mut self, facts: &Facts) {
        for plate in &facts.plates {
            let mut found = Vec::new();
            keys::of_plate(plate, &mut found);
            self.under(&found, &[Sort::Plate], &|sought| judge::plate(sought, plate));
        }
        for phone in &facts.phones {
            let key = keys::of_phone(phone);
            self.under(key.as_slice(), &[Sort::Phone], &|sought| {
                judge::phone(sought, phone)
            });
        }
        let numbers = facts.identifiers.iter().chain(&facts.plates).chain(&facts.phones);
        for number in numbers {
            let key = keys::of_identifier(number);
            self.under(key.as_slice(), &[Sort::Identifier], &|sought| {
                judge::identifier(sought, number)
            });
        }
        for line in facts.identifiers.iter().chain(&facts.names) {
            self.words(&Words::of(line));
        }
    }

    fn text(&mut self, text: &str, codes: &mut Codes) {
        let text = narrow(text);
        let words = Words::of(&text);
        self.words(&words);
        for Token { written, is_whole } in words.tokens() {
            let mut found = vec![key(Of::Plate, &[&plates::look_alike(&plates::normal(written))])];
            let mut sorts = vec![Sort::Plate];
            if is_whole {
                found.extend(keys::of_identifier(written));
                sorts.push(Sort::Identifier);
            }
            self.under(&found, &sorts, &|sought| judge::token(sought, written));
        }
        for plate in words.plates() {
            self.plate_in(&plate);
        }
        for number in words.numbers() {
            let key = keys::of_phone(number);
            self.under(key.as_slice(), &[Sort::Phone], &|sought| {
                judge::phone(sought, number)
            });
        }
        for (place, word) in words.names() {
            // A middle name or a particle may stand between.
            for (_, other) in words.names_after(place) {
                let mut found = Vec::new();
                keys::pairs(&codes.like(word), &codes.like(other), &mut found);
                self.under(&found, &[Sort::Name], &|sought| {
                    judge::name_in(sought, &words, place)
                });
            }
        }
    }

    /// What is written like a plate in a text. Of two plates that were read, the one that is a part of the other has two rows of
    /// characters in common with it; nobody looks at all that have one.
    fn plate_in(&mut self, said: &PlateSaid<'_>) {
        let mut grams = Vec::new();
        keys::grams(&said.read, &mut grams);
        grams.sort_unstable();
        grams.dedup();
        let least = grams.len().min(GRAMS_SHARED_MIN);
        self.candidates.clear();
        self.gather(&grams);
        self.candidates.sort_unstable();
        let groups = self.candidates.chunk_by(|one, two| one == two);
        let mut kept: Vec<u32> = groups
            .filter(|same| same.len() >= least)
            .map(|same| same[0])
            .collect();
        let mut unread = Vec::new();
        keys::like_unread(&said.read, &mut unread);
        self.candidates.clear();
        self.gather(&unread);
        self.candidates.append(&mut kept);
        self.candidates.sort_unstable();
        self.candidates.dedup();
        self.judge(&[Sort::Plate], &|sought| judge::plate_in(sought, said));
    }

    /// Texts that are looked for, wherever they begin.
    fn words(&mut self, words: &Words<'_>) {
        for place in 0..words.len() {
            let mut found = vec![key(Of::Word, &[words.at(place)])];
            if place + 1 < words.len() {
                found.push(key(Of::Words, &[words.at(place), words.at(place + 1)]));
            }
            self.under(&found, &[Sort::Text], &|sought| judge::text(sought, words, place));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Codes, Facts, Index, Likely, Sort, Sought};

    /// Whether an entry is found by what a record says, beside others that are not.
    fn finds(sort: Sort, value: &str, facts: &Facts) -> Option<f64> {
        let (mut index, mut codes) = (Index::default(), Codes::default());
        index.add(Sought::new(Sort::Name, "Zbigniew Qvist"), &mut codes);
        let place = index.add(Sought::new(sort, value), &mut codes);
        let found = index.find(facts, Likely::default(), &mut codes);
        assert!(
            found.iter().all(|found| found.place == place),
            "{value}: {found:?}"
        );
        found.first().map(|found| found.score)
    }

    fn check(sort: Sort, value: &str, facts: &Facts, expected: bool) {
        let found = finds(sort, value, facts);
        assert_eq!(found.is_some(), expected, "{value} in {facts:?}: {found:?}");
    }

    fn says(text: &str) -> Facts {
        Facts {
            texts: vec![text.to_owned()],
            ..Facts::default()
        }
    }

    #[test]
    fn names_are_found_however_they_are_spelled() {
        let named = |name: &str| Facts {
            names: vec![name.to_owned()],
            ..Facts::default()
        };
        let pairs = [
            ("Stephen Marlowe", "MARLOWE, Steven", true),
            ("Stephen Marlowe", "Steve Marlow", true),
            ("Mohammed Al-Rashid", "Muhamad Rashid", true),
            ("Katherine O'Brien", "Catherine Obrien", true),
            ("Иван Петров", "Ivan Petrov", true),
            ("Abdul Rahman", "Abdulrahman", true),
            ("Stephen Marlowe", "Stephen Marsh", false),
            ("John Smith", "John Brown", false),
            ("Maria Lopez", "Mario Lopez", false),
            ("John Smith", "John", false),
        ];
        for (value, name, expected) in pairs {
            check(Sort::Name, value, &named(name), expected);
        }
    }

    #[test]
    fn birth_confirms_and_refutes() {
        let mut sought = Sought::new(Sort::Name, "J. Smith");
        sought.born = "1980-05-06".parse().ok();
        let (mut index, mut codes) = (Index::default(), Codes::default());
        index.add(sought, &mut codes);
        let mut score = |born: &str| {
            let facts = Facts {
                names: vec!["John Smith".to_owned()],
                born: born.parse().ok(),
                ..Facts::default()
            };
            index
                .find(&facts, Likely::default(), &mut codes)
                .first()
                .map(|found| found.score)
        };
        assert!(score("1980-05-06").is_some());
        assert_eq!(score(""), None);
        assert_eq!(score("1991-01-01"), None);
    }

    #[test]
    fn plates_are_found_whole_alike_and_in_part() {
        let plate = |plate: &str| Facts {
            plates: vec![plate.to_owned()],
            ..Facts::default()
        };
        let pairs = [
            ("KTR-4471", "KTR 4471", true),
            ("KTR-4471", "ktr4471", true),
            ("AOB 518", "A0B SI8", true),
            ("KTR-4471", "KTR-44", true),
            ("TR44", "KTR-4471", true),
            ("KTR-4471", "KTR-4??1", true),
            ("KTR-4471", "KTR-4472", false),
            ("KTR-4471", "KTR", false),
            ("KTR-4471", "KTR-5??1", false),
        ];
        for (value, said, expected) in pairs {
            check(Sort::Plate, value, &plate(said), expected);
        }
    }

    #[test]
    fn numbers_are_found_in_any_spelling() {
        let pairs = [
            (
                Sort::Phone,
                "+1 207 555 0148",
                "Call (207) 555-0148 after six",
                true,
            ),
            (Sort::Phone, "0170 1234567", "He left +49 170 123 45 67.", true),
            (
                Sort::Phone,
                "+1 207 555 0148",
                "call ＋１２０７５５５０１４８",
                true,
            ),
            (Sort::Phone, "+1 207 555 0148", "call ٢٠٧٥٥٥٠١٤٨", true),
            (
                Sort::Phone,
                "+1 207 555 0148",
                "Call (207) 555-0149 after six",
                false,
            ),
            (Sort::Identifier, "D123-4567", "licence d1234567 shown", true),
            (
                Sort::Identifier,
                "s.marlowe@mail.example",
                "wrote from S.Marlowe@mail.example, twice",
                true,
            ),
            (
                Sort::Identifier,
                "1FTFW1ET5DFC10312",
                "VIN 1FTFW1ET5DFC10312",
                true,
            ),
            (Sort::Identifier, "D123-4567", "licence d12345678", false),
            (
                Sort::Plate,
                "KTR-4471",
                "a grey pickup, KTR 4471, left north",
                true,
            ),
            (
                Sort::Plate,
                "KTR-4471",
                "a grey pickup, KTR 4472, left north",
                false,
            ),
        ];
        for (sort, value, text, expected) in pairs {
            check(sort, value, &says(text), expected);
        }
    }

    #[test]
    fn plates_in_texts_are_found_as_those_of_vehicles_are() {
        let pairs = [
            ("ZKM-?904", "car ZKM-4904 seen", true),
            ("ZKM-?904", "Was it ZKM 4904?", true),
            ("ZKM-?904", "car ZKM-4914 seen", false),
            ("PLW-6642", "car PLW-66?2 seen", true),
            ("PLW-6642", "car ??W-6642, it says", true),
            ("PLW-6642", "car PLW-67?2 seen", false),
            ("PLW-6642", "PLW? 6642 of them", false),
            ("KTR-4?71", "KTR 4471", true),
            ("KTR-4?71", "car ＫＴＲ４４７１ seen", true),
            ("KTR-4?71", "car KTR-٤٤٧١ seen", true),
            ("KTR-4?71", "a ktr 4471 went by", true),
            ("KTR-4471", "a plate that begins with KTR-44", true),
            ("KTR-4471", "partial KTR 44, grey", true),
            ("KTR-4471", "KTR? It was 44 of them", false),
            ("QWX-90", "a van, QWX-9021, left", true),
            ("R4471B", "a car 4471 bricks", false),
            ("R4471B", "CAR 4471 BRICKS", false),
            ("AT12", "at 123 Main Street", false),
            ("CAR-4471", "one car 44 of them", false),
            ("VAN-2026", "INV-2026-2407", false),
            ("KTR-4471", "mail KTR-44@agency.example", false),
            ("KTR-4471", "serial 7-KTR-44-9", false),
            ("1FT-3", "VIN 1FTFW1ET5DFC10312", false),
        ];
        for (value, text, expected) in pairs {
            check(Sort::Plate, value, &says(text), expected);
        }
    }

    #[test]
    fn an_identifier_is_no_part_of_a_longer_one() {
        let pairs = [
            (
                "mole@agency.example",
                "mail mole@agency.example.org please",
                false,
            ),
            ("mole@agency.example", "mail mole@agency.example-two.org", false),
            ("mole@agency.example", "mail x.mole@agency.example", false),
            ("eve@bad.example", "mail steve@bad.example", false),
            ("mole@agency.example", "Mail mole@agency.example. Then go.", true),
            (
                "mole@agency.example",
                "<mole@agency.example>, mailto:mole@agency.example",
                true,
            ),
            ("mole@agency.example", "Mail mole@agency.example...", true),
            ("GH-2201", "serial GH-2201-B", false),
            ("GH-2201", "serial A7-GH-2201", false),
            ("GH-2201", "serial SN-GH-2201/GH-2202", true),
            ("mole.4471", "handle mole.4471@agency.example", false),
            ("mole_4471", "handle @mole_4471_x", false),
            ("mole_4471", "handle @mole_4471: seen", true),
            ("a4.example/mole", "see https://a4.example/mole/two", false),
            ("a4.example/mole", "see https://a4.example/mole.", true),
        ];
        for (value, text, expected) in pairs {
            check(Sort::Identifier, value, &says(text), expected);
        }
    }

    #[test]
    fn words_and_names_are_found_in_texts() {
        let pairs = [
            (
                Sort::Text,
                "Seaward chartplotter",
                "a SEAWARD  Chartplotter was gone",
                true,
            ),
            (Sort::Text, "café", "in the Cafe at noon", true),
            (Sort::Text, "chart", "a chartplotter", false),
            (
                Sort::Name,
                "Stephen Marlowe",
                "a man called stephen marlowe asked",
                true,
            ),
            (
                Sort::Name,
                "Stephen Marlowe",
                "It was Steven J. Marlow, he said",
                true,
            ),
            (
                Sort::Name,
                "Stephen Marlowe",
                "Stephen King wrote; Marlowe left long ago",
                false,
            ),
            (Sort::Name, "Will Lee", "they will leave", false),
            (Sort::Name, "Marlowe", "the Marlowe street", false),
        ];
        for (sort, value, text, expected) in pairs {
            check(sort, value, &says(text), expected);
        }
    }

    #[test]
    fn what_is_forgotten_is_not_found_and_its_place_is_used_again() {
        let (mut index, mut codes) = (Index::default(), Codes::default());
        let place = index.add(Sought::new(Sort::Text, "harbor"), &mut codes);
        let bytes = index.bytes();
        index.remove(place);
        assert!(index.is_empty());
        assert!(
            index
                .find(&says("the harbor"), Likely::default(), &mut codes)
                .is_empty()
        );
        index.settle();
        assert_eq!(index.add(Sought::new(Sort::Text, "chandlery"), &mut codes), place);
        assert!(
            index
                .find(&says("the harbor"), Likely::default(), &mut codes)
                .is_empty()
        );
        assert!(
            !index
                .find(&says("the chandlery"), Likely::default(), &mut codes)
                .is_empty()
        );
        assert!(bytes > 0);
    }
}
