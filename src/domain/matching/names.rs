//! Persons' names: the forms under which one is found, keys of their sound, and how alike two of them are.
//!
//! Candidates come from keys (an own skeleton of consonants after spelling rules of many languages, and Double
//! Metaphone); each candidate is then judged letter by letter, so that a shared key alone never makes a match.

use rphonetic::{DoubleMetaphone, Encoder};

use crate::domain::matching::fold::words;
use crate::domain::matching::nicknames::{Relation, relation};
use crate::domain::matching::spoken::{ends_apart, is_vowel, skeleton, smooth, without_vowels};

/// Jaro–Winkler from which two spellings with the same skeleton sound alike.
const SKELETON_CLOSE: f64 = 0.84;
/// The same for two that share only a Double Metaphone code, which is coarser.
const METAPHONE_CLOSE: f64 = 0.90;
const METAPHONE_CHARS: usize = 6;
/// How near a spelling without vowels is to one with them.
const BARE_CLOSENESS: f64 = 0.88;
/// How near spellings with `b` and with `v` are, and the letters that both must have more than.
const B_FOR_V_CLOSENESS: f64 = 0.9;
const B_FOR_V_CHARS_MIN: usize = 4;
const TYPO_CHARS_MIN: usize = 4;
const TWO_TYPOS_CHARS_MIN: usize = 8;

/// Parts of names with more than two that may be written together (`Xiao Ming`, `Mary Ann`, `ten Brink`) are so short.
const JOINED_CHARS_MAX: usize = 6;

/// Parts of a name that are left out as often as not, and that are written apart or together with what follows.
const PARTICLES: [&str; 44] = [
    "abd", "abdal", "abdel", "abdul", "abu", "al", "as", "at", "ben", "bin", "bint", "da", "dal", "de",
    "del", "della", "den", "der", "di", "dos", "du", "el", "es", "fitz", "ibn", "la", "las", "le", "lo",
    "los", "mac", "mc", "o", "oul", "ould", "st", "san", "ter", "ur", "van", "von", "vom", "zu", "zur",
];

/// How two parts of a name stand for one another, the surest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// Letter by letter, after folding.
    Same,
    /// They are spoken alike.
    Sound,
    /// One is a short or foreign form of the other.
    Nickname,
    /// One is the initial of the other.
    Initial,
    /// One or two letters differ.
    Typo,
}

/// A match and how near it is, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Likeness {
    /// The reason.
    pub how: How,
    /// 1 for the same letters.
    pub closeness: f64,
}

/// One word under which a name is indexed, with the place of its part in the name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// The folded word; `^j` says that the given name is only the initial `j`.
    pub text: String,
    /// Which part of the name, from 0.
    pub place: usize,
}

/// The parts of a name in the order given name first: `Last, First` is turned round.
pub fn parts(name: &str) -> Vec<String> {
    ordered(name).into_iter().map(|(text, _, _)| text).collect()
}

/// The parts of a name without those that are left out as often as not.
pub fn essential(name: &str) -> Vec<String> {
    let mut parts = parts(name);
    parts.retain(|part| !is_particle(part));
    parts
}

/// Every word under which a name is found: its parts, what follows an apostrophe, and parts written together that
/// others write apart (`de la Cruz`, `Jean-Pierre`).
pub fn forms(name: &str) -> Vec<Form> {
    let parts = ordered(name);
    let mut forms = Vec::new();
    let mut joined = String::new();
    for (place, (text, tail, hyphenated)) in parts.iter().enumerate() {
        let is_short = |part: &str| (2..=JOINED_CHARS_MAX).contains(&part.len());
        let before = place.checked_sub(1).map(|before| parts[before].0.as_str());
        if *hyphenated || before.is_some_and(is_particle) {
            joined.push_str(text);
            forms.push(Form {
                text: joined.clone(),
                place,
            });
        } else {
            joined.clone_from(text);
            let pair = before.filter(|before| parts.len() > 2 && is_short(before) && is_short(text));
            forms.extend(pair.map(|before| Form {
                text: format!("{before}{text}"),
                place,
            }));
        }
        forms.push(Form {
            text: text.clone(),
            place,
        });
        if let Some(tail) = tail {
            forms.push(Form {
                text: tail.clone(),
                place,
            });
        }
    }
    if let Some((first, _, _)) = parts
        .first()
        .filter(|(first, _, _)| first.len() == 1 && parts.len() > 1)
    {
        forms.push(Form {
            text: format!("^{first}"),
            place: 0,
        });
    }
    forms
}

/// Whether a folded word is a part that is left out as often as not (`al`, `de`, `von`).
pub fn is_particle(word: &str) -> bool {
    PARTICLES.contains(&word)
}

/// Keys of a folded word's sound. Words that sound alike share one; words that share one need not sound alike.
pub fn sound_keys(word: &str) -> Vec<String> {
    if word.len() < 2 || !word.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return Vec::new();
    }
    let metaphone = DoubleMetaphone::new(Some(METAPHONE_CHARS));
    let mut keys = vec![
        format!("s{}", skeleton(&smooth(word))),
        format!("m{}", metaphone.encode(word)),
        format!("m{}", metaphone.encode_alternate(word)),
    ];
    keys.retain(|key| key.len() > 1);
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// The keys under which words that sound like this one stand: its own, and those of its spellings with `b` for `v` and `v` for
/// `b`, which Spanish speaks alike.
pub fn sound_keys_like(word: &str) -> Vec<String> {
    let mut keys = sound_keys(word);
    for (from, to) in [('b', "v"), ('v', "b")] {
        if word.contains(from) {
            keys.extend(sound_keys(&word.replace(from, to)));
        }
    }
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// How two folded parts of names are alike, if they are.
pub fn alike(left: &str, right: &str) -> Option<Likeness> {
    if left == right {
        return Some(Likeness {
            how: How::Same,
            closeness: 1.0,
        });
    }
    let letters = |word: &str| word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_lowercase());
    if !letters(left) || !letters(right) {
        return None;
    }
    let related = relation(left, right);
    if related == Relation::Distinct {
        return None;
    }
    let one_letter = |word: &str| word.replace('v', "b");
    let sound = sounds_alike(left, right).or_else(|| {
        (left.len() > B_FOR_V_CHARS_MIN && right.len() > B_FOR_V_CHARS_MIN)
            .then(|| (one_letter(left), one_letter(right)))
            .filter(|(left, right)| left == right)
            .map(|_| B_FOR_V_CLOSENESS)
    });
    if let Some(closeness) = sound {
        return Some(Likeness {
            how: How::Sound,
            closeness,
        });
    }
    if related == Relation::Related {
        return Some(Likeness {
            how: How::Nickname,
            closeness: 0.9,
        });
    }
    let shorter = left.len().min(right.len());
    let allowed = match shorter {
        ..TYPO_CHARS_MIN => 0,
        TYPO_CHARS_MIN..TWO_TYPOS_CHARS_MIN => 1,
        _ => 2,
    };
    let distance = strsim::osa_distance(left, right);
    let (smooth_left, smooth_right) = (smooth(left), smooth(right));
    let typo = distance <= allowed
        && left.as_bytes()[0] == right.as_bytes()[0]
        && !ends_apart(&smooth_left, &smooth_right)
        && !ends_apart(&smooth_right, &smooth_left);
    #[expect(clippy::cast_precision_loss, reason = "words are short")]
    typo.then(|| Likeness {
        how: How::Typo,
        closeness: 1.0 - distance as f64 / shorter as f64,
    })
}

/// Whether two full names may be one person's: every part of the shorter is like another part of the longer, at least
/// two parts agree (unless one name has only one), and not by initials or typing errors alone. The least sure part decides.
pub fn match_names(left: &str, right: &str) -> Option<Likeness> {
    let (mut fewer, mut more) = (essential(left), essential(right));
    // Each part takes the best that is left: with as many on both sides, the order decides who goes first, not the caller.
    if (fewer.len(), &fewer) > (more.len(), &more) {
        std::mem::swap(&mut fewer, &mut more);
    }
    if fewer.is_empty() || fewer.len() == 1 && more.len() > 1 {
        return whole_alike(left, right);
    }
    let mut least = Likeness {
        how: How::Same,
        closeness: 1.0,
    };
    let mut sure = 0;
    for part in &fewer {
        let best = more
            .iter()
            .enumerate()
            .filter_map(|(place, other)| {
                Some((place, alike(part, other).or_else(|| initial_of(part, other))?))
            })
            .max_by(|(_, one), (_, two)| {
                (two.how, one.closeness)
                    .partial_cmp(&(one.how, two.closeness))
                    .expect("no NaN")
            });
        let Some((place, likeness)) = best else {
            return whole_alike(left, right);
        };
        more.remove(place);
        sure += usize::from(likeness.how <= How::Nickname);
        least.how = least.how.max(likeness.how);
        least.closeness = least.closeness.min(likeness.closeness);
    }
    (sure > 0).then_some(least)
}

/// Names written together here and apart there: `Abdulrahman`, `Abd al-Rahman`.
fn whole_alike(left: &str, right: &str) -> Option<Likeness> {
    let (left, right) = (parts(left), parts(right));
    if left.len() == right.len() && left.len() > 1 {
        return None;
    }
    let (left, right) = (left.concat(), right.concat());
    // Two long words that begin alike are close, and a key of six sounds is that of the given name alone.
    let same_sounds = |_: &Likeness| skeleton(&smooth(&left)) == skeleton(&smooth(&right));
    alike(&left, &right)
        .filter(|likeness| likeness.how <= How::Sound)
        .filter(same_sounds)
}

fn initial_of(left: &str, right: &str) -> Option<Likeness> {
    let is_initial = (left.len() == 1) != (right.len() == 1) && left.as_bytes()[0] == right.as_bytes()[0];
    is_initial.then_some(Likeness {
        how: How::Initial,
        closeness: 0.5,
    })
}

fn ordered(name: &str) -> Vec<(String, Option<String>, bool)> {
    let mut found: Vec<(String, Option<String>, bool)> = Vec::new();
    let (last, first) = name.split_once([',', '،', '、']).unwrap_or((name, ""));
    for part in [first, last] {
        found.extend(
            words(part)
                .into_iter()
                .map(|word| (word.text, word.tail, word.hyphenated)),
        );
    }
    found
}

fn sounds_alike(left: &str, right: &str) -> Option<f64> {
    let (smooth_left, smooth_right) = (smooth(left), smooth(right));
    let (bare_left, bare_right) = (without_vowels(&smooth_left), without_vowels(&smooth_right));
    // Scripts that write no short vowels leave nothing else to compare; the sign for a first vowel may be any.
    let only_first =
        |smooth: &str, bare: &str| smooth.len() == bare.len() + 1 && smooth.starts_with(is_vowel);
    let is_bare = |smooth: &str, bare: &str| smooth == bare;
    let begin_alike = smooth_left.starts_with(is_vowel) == smooth_right.starts_with(is_vowel);
    let end_alike = smooth_left.ends_with(is_vowel) == smooth_right.ends_with(is_vowel);
    let either = |test: &dyn Fn(&str, &str) -> bool| {
        test(&smooth_left, &bare_left) || test(&smooth_right, &bare_right)
    };
    if bare_left == bare_right
        && (bare_left.len() > 2 && either(&is_bare)
            || bare_left.len() > 1 && begin_alike && end_alike && either(&only_first))
    {
        return Some(BARE_CLOSENESS);
    }
    if ends_apart(&smooth_left, &smooth_right) || ends_apart(&smooth_right, &smooth_left) {
        return None;
    }
    let closeness = strsim::jaro_winkler(&smooth_left, &smooth_right);
    if closeness < SKELETON_CLOSE {
        return None;
    }
    if skeleton(&smooth_left) == skeleton(&smooth_right) {
        return Some(closeness);
    }
    let metaphone = DoubleMetaphone::new(Some(METAPHONE_CHARS));
    let codes = |word: &str| [metaphone.encode(word), metaphone.encode_alternate(word)];
    let (codes_left, codes_right) = (codes(left), codes(right));
    let shared = codes_left
        .iter()
        .any(|code| !code.is_empty() && codes_right.contains(code));
    (shared && closeness >= METAPHONE_CLOSE).then_some(closeness)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, any, proptest};

    use super::{How, alike, forms, match_names, parts, sound_keys};

    #[test]
    fn parts_of_names_are_alike_or_not() {
        let check = |left: &str, right: &str, expected: Option<How>| {
            let found = alike(left, right);
            assert_eq!(
                found.map(|likeness| likeness.how),
                expected,
                "{left} / {right}: {found:?}"
            );
        };
        check("katherine", "catherine", Some(How::Sound));
        check("kate", "katherine", Some(How::Nickname));
        check("meyer", "maier", Some(How::Sound));
        check("muller", "mueller", Some(How::Sound));
        check("mhmd", "mohammed", Some(How::Sound));
        check("ivanov", "iwanow", Some(How::Sound));
        check("kowalewski", "kovalevsky", Some(How::Sound));
        check("schmidt", "schmitt", Some(How::Sound));
        check("mcdonald", "macdonald", Some(How::Sound));
        check("peterson", "petersom", Some(How::Typo));
        check("maria", "mario", None);
        check("daniel", "danielle", None);
        check("brown", "bruno", None);
        check("smith", "simmons", None);
        check("jon", "jan", Some(How::Nickname));
        check("hsiaoping", "xiaoping", Some(How::Sound));
        check("ywsf", "yusuf", Some(How::Sound));
        check("amr", "omar", Some(How::Sound));
        check("balverde", "valverde", Some(How::Sound));
        check("ball", "wall", None);
    }

    #[test]
    fn every_sound_match_shares_a_key() {
        for (left, right) in [
            ("meyer", "maier"),
            ("mhmd", "mohammed"),
            ("schmidt", "schmitt"),
            ("lee", "li"),
        ] {
            let keys = sound_keys(left);
            assert!(
                sound_keys(right).iter().any(|key| keys.contains(key)),
                "{left} / {right}"
            );
        }
    }

    #[test]
    fn full_names_match_in_any_order_with_initials_and_particles() {
        let check = |left: &str, right: &str, expected: bool| {
            let found = match_names(left, right);
            assert_eq!(found.is_some(), expected, "{left} / {right}: {found:?}");
        };
        check("Smith, John", "John Smith", true);
        check("J. Smith", "John Smith", true);
        check("Abdul Rahman", "Abdulrahman", true);
        check("Maria de la Cruz", "Maria Delacruz", true);
        check("Maria de la Cruz", "Maria Cruz", true);
        check("Иван Петров", "Ivan Petrov", true);
        check("John Smith", "John Brown", false);
        check("John", "John Brown", false);
    }

    #[test]
    fn forms_hold_what_is_written_together_and_apart() {
        let has = |name: &str, expected: &str| {
            let found = forms(name);
            assert!(
                found.iter().any(|form| form.text == expected),
                "{name}: {found:?}"
            );
        };
        has("Zhang Xiao Ming", "xiaoming");
        has("Klaas ten Brink", "tenbrink");
        let found: Vec<String> = forms("O'Brien, Jean-Pierre")
            .into_iter()
            .map(|form| form.text)
            .collect();
        assert_eq!(
            found,
            ["jean", "jeanpierre", "pierre", "pierreobrien", "obrien", "brien"]
        );
        assert_eq!(parts("Иванов, Пётр"), ["petr", "ivanov"]);
        assert!(forms("J. Smith").iter().any(|form| form.text == "^j"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]
        #[test]
        fn no_text_breaks_it(left in any::<String>(), right in "[a-z]{0,24}") {
            for part in parts(&left).iter().chain(std::iter::once(&right)) {
                sound_keys(part);
                alike(part, &right);
            }
            match_names(&left, &right);
        }
    }
}
