//! How good the matching of names, plates and phones is, on labelled pairs among thousands of other persons. A pair
//! counts as found when its record stands anywhere on the first page of twenty, whatever the page says of itself.

use std::collections::BTreeMap;
use std::fmt::Write;

use blotter::domain::matching::nicknames;
use blotter::search::document::{DocText, SearchDoc};

use super::{Box, doc};

/// The set that was at hand while the rules were made.
const SEEN: &str = include_str!("../../fixtures/names.tsv");
/// A set that was written afterwards, from other families of names.
const HELD_OUT: &str = include_str!("../../fixtures/names-held-out.tsv");
const DISTRACTORS: u64 = 6000;
const FAMILY_NAMES: &str = "smith johnson williams brown jones garcia miller davis rodriguez martinez hernandez lopez \
    gonzalez wilson anderson thomas taylor moore jackson martin lee perez thompson white harris sanchez clark ramirez \
    lewis robinson walker young allen king wright scott torres nguyen hill flores green adams nelson baker hall rivera \
    campbell mitchell carter roberts gomez phillips evans turner diaz parker cruz edwards collins reyes stewart morris \
    morales murphy cook rogers gutierrez ortiz morgan cooper peterson bailey reed kelly howard ramos kim cox ward \
    richardson watson brooks chavez wood james bennett gray mendoza ruiz hughes price alvarez castillo sanders patel \
    myers long ross foster jimenez ivanov petrov smirnov kuznetsov popov sokolov lebedev kozlov novikov morozov \
    muller schmidt schneider fischer weber meyer wagner becker schulz hoffmann koch bauer richter klein wolf \
    rossi russo ferrari esposito bianchi romano colombo ricci marino greco kowalski nowak wisniewski wojcik kaminski \
    hussein hassan haddad khan mansour nasser rahman saleh ali ahmed ibrahim yilmaz demir kaya celik sahin \
    singh sharma gupta kumar shah wang li zhang liu chen yang huang zhao wu zhou park choi jung tran le pham \
    dubois moreau laurent simon michel lefebvre leroy roux david bertrand silva santos oliveira souza pereira costa";

struct Pair {
    kind: &'static str,
    is_same: bool,
    typed: &'static str,
    held: &'static str,
}

fn pairs(set: &'static str) -> Vec<Pair> {
    let lines = set.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            let [kind, verdict, typed, held] = fields[..] else {
                panic!("{line}")
            };
            Pair {
                kind,
                is_same: verdict == "same",
                typed,
                held,
            }
        })
        .collect()
}

fn record(number: u64, kind: &str, held: &str) -> SearchDoc {
    doc(
        number,
        &format!("ENT-{}", 700_000 + number),
        |text: &mut DocText| match kind {
            "name" => {
                text.title = held.to_owned();
                text.names.push(held.to_owned());
            }
            "plate" => text.plates.push(held.to_owned()),
            _ => text.phones.push(held.to_owned()),
        },
    )
}

/// Made-up persons with a car and a phone each, always the same.
pub(super) fn generated(count: u64) -> impl Iterator<Item = SearchDoc> {
    let given: Vec<&str> = nicknames::groups().iter().flatten().copied().collect();
    let family: Vec<&str> = FAMILY_NAMES.split_whitespace().collect();
    (0..count).map(move |number| {
        let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d;
        let mut next = |bound: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % bound as u64).unwrap()
        };
        let name = format!("{} {}", given[next(given.len())], family[next(family.len())]);
        let letters: String = (0..3).map(|_| char::from(b'A' + next(26) as u8)).collect();
        let (plate, phone) = (next(10_000), next(10_000_000));
        doc(10_000 + number, &format!("ENT-{}", 800_000 + number), |text| {
            text.title.clone_from(&name);
            text.names.push(name);
            text.plates.push(format!("{letters} {plate:04}"));
            text.phones.push(format!("+1 917 {phone:07}"));
        })
    })
}

#[test]
fn names_plates_and_phones_are_found_and_not_confused() {
    check("seen", SEEN);
}

#[test]
fn names_that_no_rule_was_made_for_are_found_and_not_confused() {
    check("held out", HELD_OUT);
}

fn check(name: &str, set: &'static str) {
    let pairs = pairs(set);
    assert!(pairs.len() >= 240, "{} pairs", pairs.len());
    let mut docs: Vec<SearchDoc> = generated(DISTRACTORS).collect();
    docs.extend(
        (1..)
            .zip(&pairs)
            .map(|(number, pair)| record(number, pair.kind, pair.held)),
    );
    let test = Box::with(docs);
    let mut counts: BTreeMap<&str, [u32; 4]> = BTreeMap::new();
    let mut wrong = String::new();
    for (number, pair) in (1..).zip(&pairs) {
        let id = record(number, pair.kind, pair.held).id;
        let page = test.search(pair.typed);
        let is_found = page.hits.iter().any(|hit| hit.id == id);
        for kind in [pair.kind, "all"] {
            counts.entry(kind).or_default()[usize::from(pair.is_same) * 2 + usize::from(is_found)] += 1;
        }
        if is_found != pair.is_same {
            writeln!(
                wrong,
                "  {} {} / {}: found {is_found}",
                pair.kind, pair.typed, pair.held
            )
            .unwrap();
        }
    }
    for (kind, [left, confused, missed, found]) in &counts {
        let (recall, precision) = (share(*found, *missed), share(*found, *confused));
        println!(
            "{name} set, {kind}: recall {recall:.3} ({found} of {}), precision {precision:.3}, confused {confused} of {}",
            found + missed,
            confused + left
        );
    }
    println!("{wrong}");
    let [_, confused, missed, found] = counts["all"];
    assert!(share(found, missed) >= 0.95, "recall:\n{wrong}");
    assert!(share(found, confused) >= 0.9, "precision:\n{wrong}");
}

fn share(part: u32, rest: u32) -> f64 {
    f64::from(part) / f64::from(part + rest)
}
