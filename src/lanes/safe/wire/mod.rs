//! Records as these clients read them: every member of an object is there, `null` where nothing is known. What records name is
//! looked up in the one snapshot of the request, each once.

/// Cases.
mod case;
/// The chain of custody.
mod chain;
/// The agency's own fields.
pub(super) mod form;
/// Items.
mod item;
/// Persons and users.
mod person;

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use serde_json::{Map, Value as Json, json};

use crate::domain::id::RecordId;
use crate::domain::kind::{CASE, EVIDENCE, FORM, Kind, LOCATION, NOTE};
use crate::domain::operation::Merge;
use crate::domain::record::{Record, Stamp};
use crate::domain::time::Hlc;
use crate::domain::value::Value;
use crate::lanes::safe::wire::form::Form;
use crate::services::failure::Outcome;
use crate::services::safe::door::Guest;
use crate::services::safe::room::{Room, office_number};
use crate::services::safe::words;
use crate::store::database::Direction;
use crate::views::index::Order;
use crate::views::words::{self as word_rows, List};
use crate::views::{ordinals, records};

/// The number and the name of something.
type Named = Option<(i64, String)>;

/// What a snapshot is written with.
pub(super) struct Book<'r> {
    pub(super) room: &'r Room<'r>,
    pub(super) guest: &'r Guest,
    /// What is told is as it was then, and not as it is.
    moment: Option<Hlc>,
    names: RefCell<HashMap<RecordId, Named>>,
    cases: RefCell<HashMap<RecordId, Rc<Json>>>,
    forms: OnceCell<Vec<Form>>,
}

impl<'r> Book<'r> {
    /// For one answer.
    pub(super) fn new(room: &'r Room<'r>, guest: &'r Guest) -> Self {
        Self {
            room,
            guest,
            moment: None,
            names: RefCell::default(),
            cases: RefCell::default(),
            forms: OnceCell::new(),
        }
    }

    /// For what is told of a moment: records as they were then, whoever may read them now.
    pub(super) fn of_then(room: &'r Room<'r>, guest: &'r Guest, moment: Hlc) -> Self {
        Self {
            moment: Some(moment),
            ..Self::new(room, guest)
        }
    }

    /// A record that the caller may read.
    fn seen(&self, kind: &Kind, id: RecordId) -> Outcome<Option<Record>> {
        match self.room.seen(kind, id)? {
            Some(record) => self.then(record),
            None => Ok(None),
        }
    }

    /// A record as it was at the moment that is told of; `None` if it was not yet.
    fn then(&self, record: Record) -> Outcome<Option<Record>> {
        match self.moment {
            Some(moment) => self.room.as_of(record, moment),
            None => Ok(Some(record)),
        }
    }

    /// The number of a record.
    pub(super) fn number(&self, id: RecordId) -> Outcome<i64> {
        let number = self.room.number_of(id)?;
        Ok(number.and_then(|number| i64::try_from(number).ok()).unwrap_or(0))
    }

    /// The number and the name of a user, an office or a location.
    pub(super) fn named(&self, id: RecordId) -> Outcome<Named> {
        if let Some(known) = self.names.borrow().get(&id) {
            return Ok(known.clone());
        }
        let record = records::get(&self.room.rows, id)?.filter(|record| !record.is_expunged());
        let record = record.map(|record| self.then(record)).transpose()?.flatten();
        let named = match record {
            Some(record) => {
                let number = match record.kind.as_str() {
                    "office" => office_number(&self.room.rows, &record)?.unwrap_or(0),
                    _ => self.number(id)?,
                };
                Some((number, record.text("name").unwrap_or_default().to_owned()))
            }
            None => None,
        };
        self.names.borrow_mut().insert(id, named.clone());
        Ok(named)
    }

    /// The number and the name that a field of a record leads to.
    fn field(&self, record: &Record, field: &str) -> Outcome<Named> {
        match record.get(field).and_then(Value::as_id) {
            Some(id) => self.named(id),
            None => Ok(None),
        }
    }

    /// The user of this name, if one alone has it.
    fn user_of(&self, name: &str) -> Outcome<Option<i64>> {
        let tenant = self.room.caller.tenant();
        let ids = word_rows::records(&self.room.rows, tenant, List::Users, &name.to_lowercase())?;
        match ids.as_slice() {
            [only] => Ok(Some(self.number(*only)?)),
            _ => Ok(None),
        }
    }

    /// Who made a record: the user of its first operation.
    fn maker(&self, made: Stamp) -> Outcome<Named> {
        let rows = &self.room.rows;
        let operation = self
            .room
            .services
            .store()
            .own_operation(rows, made.op.log, made.op.seq)?;
        self.user_in(
            operation
                .as_ref()
                .map(|operation| operation.header.actor.who.as_str()),
        )
    }

    /// The user who acted, if it was one.
    fn user_in(&self, who: Option<&str>) -> Outcome<Named> {
        let user = who.and_then(|who| who.strip_prefix("user:")?.parse().ok());
        user.map_or(Ok(None), |id| self.named(id))
    }

    /// The agency's forms.
    pub(super) fn forms(&self) -> Outcome<&[Form]> {
        if let Some(forms) = self.forms.get() {
            return Ok(forms);
        }
        let mut forms = Vec::new();
        for record in self.all(&FORM)? {
            forms.push(Form::of(self.number(record.id)?, &record));
        }
        Ok(self.forms.get_or_init(|| forms))
    }

    /// Every record of a kind that the caller may read, in the order in which they were made: for kinds of which there are few.
    pub(super) fn all(&self, kind: &'static Kind) -> Outcome<Vec<Record>> {
        let ids = self.ids(kind)?;
        let mut all = Vec::with_capacity(ids.len());
        for id in ids {
            all.extend(self.seen(kind, id)?);
        }
        Ok(all)
    }

    /// The ids of every record of a kind, in the order in which they were made.
    pub(super) fn ids(&self, kind: &'static Kind) -> Outcome<Vec<RecordId>> {
        let mut ids = Vec::new();
        let list = (self.room.caller.tenant(), kind);
        let order = (Order::Created, Direction::Up);
        records::list(&self.room.rows, list, order, None, &mut |_, id| {
            ids.push(id);
            true
        })?;
        Ok(ids)
    }

    /// The records that name one in a field of their kind, in the order of their time.
    pub(super) fn naming(&self, id: RecordId, kind: &Kind, field: &str) -> Outcome<Vec<RecordId>> {
        Ok(records::linked(&self.room.rows, id, (kind.name, field))?)
    }

    /// The notes on a record, and how many there are.
    fn notes(&self, id: RecordId) -> Outcome<(Json, usize)> {
        let mut notes = Vec::new();
        for id in self.naming(id, &NOTE, "record_id")? {
            if let Some(note) = self.seen(&NOTE, id)? {
                notes.push(self.note(&note)?);
            }
        }
        let count = notes.len();
        Ok((list_or_null(notes), count))
    }

    /// A note.
    pub(super) fn note(&self, note: &Record) -> Outcome<Json> {
        let author = self.maker(note.created)?;
        let about = note.get("record_id").and_then(Value::as_id);
        let category = note.text("category");
        Ok(json!({
            "id": self.number(note.id)?,
            "entityId": about.map(|id| self.number(id)).transpose()?,
            "noteCategoryId": category.map(|word| words::number_of(List::NoteCategories, word)),
            "noteCategory": category,
            "text": note.text("text"),
            "creatorId": number_in(&author),
            "creator": name_in(&author),
            "createdDate": note.created.hlc.millis().to_string(),
        }))
    }

    /// A location with its number and the way to it.
    pub(super) fn location(&self, location: &Record) -> Outcome<Json> {
        let office = self.field(location, "office_id")?;
        Ok(json!({
            "id": self.number(location.id)?,
            "name": location.text("name"),
            "fullName": self.full_location(location)?,
            "barcode": location.text("barcode"),
            "parentId": location.get("parent_id").and_then(Value::as_id).map(|id| self.number(id)).transpose()?,
            "officeId": number_in(&office),
            "officeName": name_in(&office),
            "active": true,
        }))
    }

    /// The names from the outermost location to this one.
    pub(super) fn full_location(&self, location: &Record) -> Outcome<String> {
        const STEPS_MAX: usize = 16;
        let mut names = vec![location.text("name").unwrap_or_default().to_owned()];
        let mut above = location.get("parent_id").and_then(Value::as_id);
        while let Some(id) = above.filter(|_| names.len() < STEPS_MAX) {
            let Some(parent) = self.seen(&LOCATION, id)? else {
                break;
            };
            names.push(parent.text("name").unwrap_or_default().to_owned());
            above = parent.get("parent_id").and_then(Value::as_id);
        }
        names.reverse();
        Ok(names.join("/"))
    }

    /// The location to which a way leads, or that is called so, if that is one alone.
    fn location_at(&self, way: &str) -> Outcome<Option<Record>> {
        let name = way.rsplit('/').next().unwrap_or(way);
        let tenant = self.room.caller.tenant();
        let mut ids = BTreeSet::new();
        for name in [name, way] {
            let named = word_rows::records(&self.room.rows, tenant, List::Locations, &name.to_lowercase())?;
            ids.extend(named);
        }
        let (mut there, mut called) = (Vec::new(), Vec::new());
        for id in ids {
            let Some(location) = self.seen(&LOCATION, id)? else {
                continue;
            };
            if self.full_location(&location)? == way {
                there.push(location);
            } else if location.text("name") == Some(way) {
                called.push(location);
            }
        }
        let mut found = if there.is_empty() { called } else { there };
        Ok(found.pop().filter(|_| found.is_empty()))
    }

    /// The numbers of the items of a case.
    fn items_of(&self, case: RecordId) -> Outcome<Vec<i64>> {
        let items = self.naming(case, &EVIDENCE, "case_id")?.into_iter();
        items.map(|id| self.number(id)).collect()
    }

    /// What an item tells of its case.
    fn case_of(&self, id: RecordId) -> Outcome<Rc<Json>> {
        if let Some(known) = self.cases.borrow().get(&id) {
            return Ok(Rc::clone(known));
        }
        let told = Rc::new(match self.seen(&CASE, id)? {
            Some(case) => self.case_briefly(&case)?,
            None => Json::Null,
        });
        self.cases.borrow_mut().insert(id, Rc::clone(&told));
        Ok(told)
    }

    /// How many changes an item has.
    fn changes(&self, item: RecordId) -> Outcome<usize> {
        Ok(ordinals::changes_of(&self.room.rows, item)?.len())
    }

    /// The tags of a record, each with its number.
    fn tags(record: &Record) -> Vec<Json> {
        let tags = record.members("tags").into_iter().filter_map(Value::as_text);
        tags.map(|tag| json!({"tagModelId": words::hashed(tag), "name": tag}))
            .collect()
    }

    /// The files of a record, each with a number that is made of the change that added it: the same on every node and for ever.
    fn media(&self, record: &Record) -> Outcome<Vec<Json>> {
        let mut media = Vec::new();
        for file in record.versions("files", Merge::Append) {
            let said = |name: &str| file.value.get(name).map_or(Json::Null, Json::from);
            let who = file.value.get("added_by").and_then(Value::as_text);
            let creator = self.user_in(who)?;
            media.push(json!({
                "id": words::hashed(&file.id.to_string()),
                "fileName": said("name"),
                "contentType": said("media_type"),
                "size": said("size"),
                "sha256": said("sha256"),
                "createdDateTime": file.hlc.millis().to_string(),
                "creatorId": number_in(&creator),
                "creator": name_in(&creator),
            }));
        }
        Ok(media)
    }
}

/// A list, or `null` where it is empty.
fn list_or_null(list: Vec<Json>) -> Json {
    match list.is_empty() {
        true => Json::Null,
        false => list.into(),
    }
}

fn number_in(named: &Named) -> Json {
    named.as_ref().map_or(Json::Null, |(number, _)| (*number).into())
}

fn name_in(named: &Named) -> Json {
    named.as_ref().map_or(Json::Null, |(_, name)| name.clone().into())
}

/// The members of several objects as one.
fn joined(parts: impl IntoIterator<Item = Json>) -> Json {
    let mut all = Map::new();
    for part in parts {
        if let Json::Object(members) = part {
            all.extend(members);
        }
    }
    Json::Object(all)
}

/// When a record was changed last, finer than a millisecond: two changes are never told as one.
pub(super) fn updated(record: &Record) -> String {
    let counter = (record.updated.hlc.0 & 0xffff).min(9_999);
    let millis = record.updated.hlc.millis().to_string();
    format!("{}{counter:04}Z", millis.trim_end_matches('Z'))
}

/// What stands for an item that is gone or that the caller may not see.
pub(super) fn stub(number: u64) -> Json {
    json!({"id": number, "sequentialOrgId": number, "isForbidden": true})
}
