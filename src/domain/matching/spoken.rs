//! How a folded word is spoken, roughly and in the same way for many languages: spelling rules, and what is left of a word
//! without its vowels.

/// Groups of letters and what they are spoken as, the longer first. `c` is "ch", `x` is "sh", vowels are `a i u`.
const SPOKEN: [(&str, &str); 53] = [
    ("wtsch", "vc"),
    ("schtsch", "x"),
    ("shch", "x"),
    ("szcz", "x"),
    ("tsch", "c"),
    ("eigh", "i"),
    ("sch", "x"),
    ("tch", "c"),
    ("chr", "kr"),
    ("chs", "ks"),
    ("dzh", "j"),
    ("igh", "i"),
    ("sh", "x"),
    ("ch", "c"),
    ("kh", "h"),
    ("ph", "f"),
    ("pf", "f"),
    ("th", "t"),
    ("dh", "d"),
    ("bh", "b"),
    ("rh", "r"),
    ("zh", "x"),
    ("ck", "k"),
    ("qu", "k"),
    ("cz", "c"),
    ("sz", "s"),
    ("ts", "s"),
    ("tz", "s"),
    ("dj", "j"),
    ("dg", "j"),
    ("dt", "t"),
    ("ue", "u"),
    ("oe", "u"),
    ("ae", "a"),
    ("ou", "u"),
    ("oo", "u"),
    ("ee", "i"),
    ("ie", "i"),
    ("ea", "i"),
    ("ei", "i"),
    ("ey", "i"),
    ("ay", "i"),
    ("ai", "i"),
    ("eu", "u"),
    ("au", "au"),
    ("q", "k"),
    ("x", "ks"),
    ("z", "s"),
    ("a", "a"),
    ("e", "i"),
    ("i", "i"),
    ("o", "u"),
    ("u", "u"),
];
/// What a word begins with or ends on, where that is spoken in another way than inside.
const AT_START: [(&str, &str); 11] = [
    ("kn", "n"),
    ("gn", "n"),
    ("pn", "n"),
    ("wr", "r"),
    ("ps", "s"),
    ("hsi", "si"),
    ("hsu", "su"),
    ("x", "s"),
    ("mc", "mk"),
    ("yi", "i"),
    ("ye", "ji"),
];
const AT_END: [(&str, &str); 8] = [
    ("off", "uf"),
    ("ov", "uf"),
    ("ow", "uf"),
    ("eff", "if"),
    ("ev", "if"),
    ("ew", "if"),
    ("escu", "isku"),
    ("dt", "t"),
];

/// A folded word as it is spoken, roughly and in the same way for many languages.
pub(super) fn smooth(word: &str) -> String {
    let mut spoken = String::with_capacity(word.len());
    let (mut at, mut end, mut ending) = (0, word.len(), "");
    if let Some((start, sound)) = AT_START.iter().find(|(start, _)| word.starts_with(start)) {
        at = start.len();
        spoken.push_str(sound);
    } else if is_mac(word) {
        at = 3;
        spoken.push_str("mk");
    }
    if let Some((tail, sound)) = AT_END
        .iter()
        .find(|(tail, _)| word.len() >= tail.len() + 3 && word.ends_with(tail))
    {
        end -= tail.len();
        ending = sound;
    }
    while at < end {
        let rest = &word[at..end];
        if let Some((group, sound)) = SPOKEN.iter().find(|(group, _)| rest.starts_with(group)) {
            spoken.push_str(sound);
            at += group.len();
        } else {
            spoken.extend(letter(word.as_bytes(), at));
            at += 1;
        }
    }
    spoken.push_str(ending);
    let mut last = ' ';
    spoken.retain(|c| std::mem::replace(&mut last, c) != c);
    spoken
}

/// One letter that is spoken by what stands beside it.
fn letter(word: &[u8], at: usize) -> Option<char> {
    let before = at.checked_sub(1).map(|at| word[at]);
    let after = word.get(at + 1).copied();
    let vowel = |byte: Option<u8>| byte.is_some_and(|byte| b"aeiouy".contains(&byte));
    let soft = after.is_some_and(|byte| b"eiy".contains(&byte));
    match word[at] {
        b'c' if soft => Some('s'),
        b'c' => Some('k'),
        b'g' if soft => Some('j'),
        b'g' if after == Some(b'h') && !vowel(word.get(at + 2).copied()) => None,
        b'w' if vowel(after) || before.is_none() || word[at + 1..].starts_with(b"sk") => Some('v'),
        b'w' if vowel(before) => Some('u'),
        b'w' => Some('u'),
        b'y' | b'j' if before.is_none() && (vowel(after) || after == Some(b'w')) => Some('j'),
        b'j' if vowel(before) && vowel(after) => Some('j'),
        b'y' | b'j' => Some('i'),
        b'h' if vowel(after) && (before.is_none() || vowel(before)) => Some('h'),
        b'h' if !vowel(after) && after.is_some() && !vowel(before) => Some('h'),
        b'h' => None,
        other => Some(char::from(other)),
    }
}

/// `Mac` before a consonant other than the ones of `Mack` and `Mach` is `Mc`.
fn is_mac(word: &str) -> bool {
    word.len() > 5 && word.starts_with("mac") && !b"aeiouykh".contains(&word.as_bytes()[3])
}

/// Whether one ends on the `a` or `o` that makes it another name in Romance and Slavic languages (Mario and Maria,
/// Ivanov and Ivanova, Brown and Bruno); `e`, `i` and `y` at the end are often mute or a spelling of `a`.
pub(super) fn ends_apart(left: &str, right: &str) -> bool {
    match left.chars().last() {
        Some('u') => !right.ends_with('u'),
        Some('a') => !right.ends_with(['a', 'i']),
        _ => false,
    }
}

/// Its consonants.
pub(super) fn without_vowels(spoken: &str) -> String {
    spoken.chars().filter(|c| !is_vowel(*c)).collect()
}

/// Whether a sound is a vowel.
pub(super) fn is_vowel(spoken: char) -> bool {
    matches!(spoken, 'a' | 'i' | 'u')
}

/// The consonants of a spoken word by their class, with a mark if it begins with a vowel.
pub(super) fn skeleton(spoken: &str) -> String {
    let mut skeleton = String::with_capacity(spoken.len());
    for (at, c) in spoken.char_indices() {
        let class = match c {
            'a' | 'i' | 'u' if at == 0 => 'A',
            'a' | 'i' | 'u' => continue,
            'h' if at > 0 => continue,
            'f' | 'v' => 'F',
            's' | 'c' | 'x' => 'S',
            other => other.to_ascii_uppercase(),
        };
        if !skeleton.ends_with(class) {
            skeleton.push(class);
        }
    }
    skeleton
}
