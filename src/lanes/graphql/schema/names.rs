//! From the words of the tables to names in GraphQL and back.

use crate::domain::kind::Kind;

/// `offense_type` → `offenseType`; also of words with hyphens.
pub(in crate::lanes::graphql) fn camel(word: &str) -> String {
    let mut name = String::with_capacity(word.len());
    let mut upper = false;
    for c in word.chars() {
        match c {
            '_' | '-' | '.' | '/' => upper = !name.is_empty(),
            c if upper => {
                name.extend(c.to_uppercase());
                upper = false;
            }
            c => name.push(c),
        }
    }
    name
}

/// `offense_type` → `OffenseType`.
pub(in crate::lanes::graphql) fn pascal(word: &str) -> String {
    let name = camel(word);
    let mut chars = name.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string());
    first.unwrap_or_default() + chars.as_str()
}

/// The type of a kind's records; of entities the interface.
pub(in crate::lanes::graphql) fn type_of(kind: &Kind) -> String {
    match kind.name {
        "case" => "Investigation".to_owned(),
        name => pascal(name),
    }
}

/// `Person`, of an entity that is a person.
pub(in crate::lanes::graphql) fn entity_type(what: &str) -> String {
    pascal(what)
}

/// The root that gives one record of a kind.
pub(in crate::lanes::graphql) fn one_of(kind: &Kind) -> String {
    let ty = type_of(kind);
    let mut chars = ty.chars();
    let first = chars.next().map(|c| c.to_lowercase().to_string());
    first.unwrap_or_default() + chars.as_str()
}

/// The root that gives many.
pub(in crate::lanes::graphql) fn many_of(kind: &Kind) -> String {
    let one = one_of(kind);
    match (kind.name, one.strip_suffix('y')) {
        ("evidence", _) => "evidenceItems".to_owned(),
        (_, Some(stem)) => format!("{stem}ies"),
        (_, None) => format!("{one}s"),
    }
}

/// What a record calls those of this kind that belong to it or name it.
pub(in crate::lanes::graphql) fn own_of(kind: &Kind) -> String {
    match kind.name {
        "case" | "credential" => many_of(kind),
        _ => camel(kind.plural),
    }
}

/// What a field that names a record is called as the record itself: `office_id` → `office`.
pub(in crate::lanes::graphql) fn link_of(field: &str) -> String {
    match field.strip_suffix("_id") {
        Some(stem) => camel(stem),
        None => format!("{}Record", camel(field)),
    }
}

#[cfg(test)]
mod tests {
    use super::{camel, many_of, one_of, own_of, pascal};
    use crate::domain::kind::{CASE, CREDENTIAL, ENTITY, EVIDENCE, TIMELINE_ENTRY};

    #[test]
    fn names_are_the_words_of_the_tables_in_camel_case() {
        assert_eq!(camel("uncertainty_seconds"), "uncertaintySeconds");
        assert_eq!(pascal("timeline-entry"), "TimelineEntry");
        let names = [&CASE, &ENTITY, &EVIDENCE, &TIMELINE_ENTRY, &CREDENTIAL]
            .map(|kind| [one_of(kind), many_of(kind), own_of(kind)].join(" "));
        assert_eq!(
            names,
            [
                "investigation investigations investigations",
                "entity entities entities",
                "evidence evidenceItems evidence",
                "timelineEntry timelineEntries timeline",
                "credential credentials credentials",
            ]
        );
    }
}
