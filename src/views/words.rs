//! The words by which evidence-room clients find records: names of lists that an agency never set up (categories, offenses,
//! roles), and what tells whether two persons are one. A pure function of the record, like the rows of `index.rs`.

use std::borrow::Cow;

use crate::domain::id::{RecordId, TenantId};
use crate::domain::kind::{CASE, DISPLAY_ID, ENTITY, EVIDENCE, LOCATION, NOTE, USER};
use crate::domain::matching::fold::composed;
use crate::domain::person::Person;
use crate::domain::record::Record;
use crate::domain::value::Value;
use crate::store::database::{Direction, Read, after};
use crate::store::error::StoreError;
use crate::store::tables::Table;
use crate::views::keys::{Key, last_record};

/// A list of words: those that are not as written are in lower case and [`composed`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum List {
    /// Categories of items, as written.
    Categories,
    /// Offenses, as written.
    Offenses,
    /// Roles of persons in cases, as written.
    Roles,
    /// Categories of notes, as written.
    NoteCategories,
    /// Names of users, in lower case.
    Users,
    /// Names of locations, in lower case.
    Locations,
    /// Last names of persons and names of organizations, in lower case.
    LastNames,
    /// E-mail addresses of persons, in lower case.
    Emails,
    /// Numbers of driver's licences, in lower case.
    Licences,
    /// Names of organizations, in lower case.
    Businesses,
    /// First and last name and day of birth: [`birth`].
    Births,
    /// Numbers of cases, the agency's own and ours, in lower case.
    CaseNumbers,
}

impl List {
    /// A word as the list has it; in lower case it is already.
    fn form(self, word: &str) -> Cow<'_, str> {
        match self {
            Self::Categories | Self::Offenses | Self::Roles | Self::NoteCategories => Cow::Borrowed(word),
            _ => composed(word),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Categories => "category",
            Self::Offenses => "offense",
            Self::Roles => "role",
            Self::NoteCategories => "note",
            Self::Users => "user",
            Self::Locations => "location",
            Self::LastNames => "last",
            Self::Emails => "email",
            Self::Licences => "licence",
            Self::Businesses => "business",
            Self::Births => "birth",
            Self::CaseNumbers => "number",
        }
    }
}

/// The word of a person whose first and last name and day of birth are known.
pub fn birth(person: &Person) -> Option<String> {
    let parts = [&person.first, &person.last, &person.dob];
    let known = parts.iter().all(|part| !part.is_empty());
    known.then(|| composed(&parts.map(|part| part.to_lowercase()).join("\u{1}")).into_owned())
}

/// The words of a record.
fn words(record: &Record) -> Vec<(List, String)> {
    let text = |list: List, field: &str| Some((list, record.text(field)?.to_owned()));
    let lower = |list: List, field: &str| Some((list, record.text(field)?.to_lowercase()));
    let mut words = Vec::new();
    match record.kind.as_str() {
        kind if kind == EVIDENCE.name => words.extend(text(List::Categories, "category")),
        kind if kind == NOTE.name => words.extend(text(List::NoteCategories, "category")),
        kind if kind == USER.name => words.extend(lower(List::Users, "name")),
        kind if kind == LOCATION.name => words.extend(lower(List::Locations, "name")),
        kind if kind == CASE.name => {
            words.extend(text(List::Offenses, "offense_type"));
            let numbers = ["case_number", DISPLAY_ID];
            words.extend(
                numbers
                    .into_iter()
                    .filter_map(|field| lower(List::CaseNumbers, field)),
            );
            let roles = record.members("entities").into_iter();
            let roles = roles.filter_map(|member| member.get("role").and_then(Value::as_text));
            words.extend(roles.map(|role| (List::Roles, role.to_owned())));
        }
        kind if kind == ENTITY.name => {
            let Some(person) = Person::of(record) else {
                return words;
            };
            words.extend(birth(&person).map(|word| (List::Births, word)));
            let named = [
                (List::LastNames, &person.last),
                (List::LastNames, &person.business),
                (List::Businesses, &person.business),
                (List::Licences, &person.licence),
                (List::Emails, &person.email),
            ];
            let known = named.into_iter().filter(|(_, word)| !word.is_empty());
            words.extend(known.map(|(list, word)| (list, word.to_lowercase())));
        }
        _ => {}
    }
    words
}

/// The keys of a record's words.
pub(super) fn keys(record: &Record) -> impl Iterator<Item = Vec<u8>> {
    let words = words(record).into_iter();
    words.map(|(list, word)| {
        list_key(&record.tenant, list)
            .and_text(&list.form(&word))
            .and_record(record.id)
            .bytes()
    })
}

fn list_key(tenant: &TenantId, list: List) -> Key {
    Key::tenant(tenant).and_text(list.name())
}

/// The records of an agency that have this word in a list, in the order of their ids.
///
/// # Errors
/// The disk failed.
pub fn records(
    rows: &impl Read,
    tenant: &TenantId,
    list: List,
    word: &str,
) -> Result<Vec<RecordId>, StoreError> {
    let mut found = Vec::new();
    having(rows, tenant, (list, word), &mut |id| {
        found.push(id);
        true
    })?;
    Ok(found)
}

/// Walks those records; `visit` says whether it wants more.
///
/// # Errors
/// The disk failed.
pub fn having(
    rows: &impl Read,
    tenant: &TenantId,
    (list, word): (List, &str),
    visit: &mut dyn FnMut(RecordId) -> bool,
) -> Result<(), StoreError> {
    let prefix = list_key(tenant, list).and_text(&list.form(word)).bytes();
    rows.scan_prefix(Table::Words, &prefix, Direction::Up, &mut |key, _| {
        last_record(key).is_none_or(&mut *visit)
    })
}

/// Walks the records whose word in a list begins so, in the order of the words; `visit` says whether it wants more.
///
/// # Errors
/// The disk failed.
pub fn beginning(
    rows: &impl Read,
    tenant: &TenantId,
    list: List,
    start: &str,
    visit: &mut dyn FnMut(RecordId) -> bool,
) -> Result<(), StoreError> {
    let mut prefix = list_key(tenant, list).and_text(&list.form(start)).bytes();
    prefix.pop();
    rows.scan_prefix(Table::Words, &prefix, Direction::Up, &mut |key, _| {
        last_record(key).is_none_or(&mut *visit)
    })
}

/// The records that have a word in a list with this in it: a walk over the list.
///
/// # Errors
/// The disk failed.
pub fn containing(
    rows: &impl Read,
    tenant: &TenantId,
    list: List,
    part: &str,
) -> Result<Vec<RecordId>, StoreError> {
    let (mut found, part) = (Vec::new(), list.form(part));
    let prefix = list_key(tenant, list).bytes();
    rows.scan_prefix(Table::Words, &prefix, Direction::Up, &mut |key, _| {
        let word = key[prefix.len()..].split(|byte| *byte == 0).next();
        let word = word.and_then(|word| std::str::from_utf8(word).ok());
        if word.is_some_and(|word| word.contains(&*part)) {
            found.extend(last_record(key));
        }
        true
    })?;
    Ok(found)
}

/// The words of a list, each once, in order: a look-up for each, however many records have it.
///
/// # Errors
/// The disk failed.
pub fn all(rows: &impl Read, tenant: &TenantId, list: List) -> Result<Vec<String>, StoreError> {
    let prefix = list_key(tenant, list).bytes();
    let (mut from, end) = (prefix.clone(), after(&prefix));
    let mut words = Vec::new();
    loop {
        let mut next = None;
        rows.scan(Table::Words, &from, &end, Direction::Up, &mut |key, _| {
            let word = key[prefix.len()..].split(|byte| *byte == 0).next();
            next = word.map(<[u8]>::to_vec);
            false
        })?;
        let Some(word) = next else { return Ok(words) };
        words.extend(String::from_utf8(word.clone()));
        // The first key after all of this word's, whose next byte is zero.
        from = [&prefix[..], &word, &[1]].concat();
    }
}
