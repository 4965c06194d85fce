//! Records as JSON, as the tables of their kinds say. What is secret never gets here by name.

use std::borrow::Borrow;

use serde_json::{Map, Value as Json, json};

use crate::domain::custody::chain::Chain;
use crate::domain::id::RecordId;
use crate::domain::kind::{self, CHAT_MESSAGE, DISPLAY_ID, EVIDENCE, Field, Kind, Shape, Writer};
use crate::domain::operation::Merge;
use crate::domain::record::{Record, Version};
use crate::domain::value::Value;
use crate::services::Services;
use crate::services::failure::Outcome;
use crate::store::database::Read;
use crate::views::records;

/// Writes records; looks up those that they belong to where only that says how they are linked.
#[derive(Clone, Copy)]
pub struct Wire<'s>(Source<'s>);

#[derive(Clone, Copy)]
enum Source<'s> {
    Services(&'s Services),
    Rows(&'s dyn Read),
}

impl<'s> Wire<'s> {
    /// Over the services' records.
    pub fn new(services: &'s Services) -> Self {
        Self(Source::Services(services))
    }

    /// Over these rows.
    pub fn over(rows: &'s dyn Read) -> Self {
        Self(Source::Rows(rows))
    }

    fn get(&self, id: RecordId) -> Outcome<Option<Record>> {
        Ok(match self.0 {
            Source::Services(services) => records::get(&services.snapshot()?, id)?,
            Source::Rows(rows) => records::get(&rows, id)?,
        })
    }

    /// A record: what every record has, its fields, its conflicts, its links.
    ///
    /// # Errors
    /// The disk failed.
    pub fn record(&self, record: &Record) -> Outcome<Json> {
        let mut json = Map::new();
        let mut put = |name: &str, value: Json| json.insert(name.to_owned(), value);
        put("id", record.id.to_string().into());
        if let Some(display) = record.text(DISPLAY_ID) {
            put(DISPLAY_ID, display.into());
        }
        put("version", record.version.into());
        put("created_at", record.created.hlc.millis().to_string().into());
        put("updated_at", record.updated.hlc.millis().to_string().into());
        if let Some(kind) = kind::kind(&record.kind) {
            for field in kind.all_fields().filter(|field| is_told(field)) {
                if let Some(value) = field_json(record, field) {
                    put(field.name, value);
                }
            }
            if kind.name == EVIDENCE.name {
                put("status", Chain::of(record).now.state.as_str().into());
            }
            let conflicts = conflicts(record, kind);
            if !conflicts.is_empty() {
                put("conflicts", Json::Object(conflicts));
            }
            let violations = violations(record, kind);
            if !violations.is_empty() {
                put("violations", Json::Object(violations));
            }
            put("links", Json::Object(self.links(record, kind)?));
        }
        Ok(Json::Object(json))
    }

    /// Several records.
    ///
    /// # Errors
    /// The disk failed.
    pub fn records(&self, records: &[impl Borrow<Record>]) -> Outcome<Vec<Json>> {
        records
            .iter()
            .map(|record| self.record(record.borrow()))
            .collect()
    }

    fn links(&self, record: &Record, kind: &Kind) -> Outcome<Map<String, Json>> {
        let mut links = Map::new();
        // What is said in a report is read with it, and has no routes of its own.
        if kind.name != CHAT_MESSAGE.name {
            let own = path_of(kind, record.id);
            links.insert("self".to_owned(), own.clone().into());
            links.insert("history".to_owned(), format!("{own}/history").into());
        }
        self.link_parents(record, kind, &mut links)?;
        for field in kind.fields {
            // A report and its case name each other, though neither belongs to the other.
            if let (Shape::Ref(wanted @ ("case" | "report")), Some(kind)) =
                (field.shape, kind_of(field.shape))
                && let Some(id) = record.get(field.name).and_then(Value::as_id)
            {
                links.entry(wanted).or_insert_with(|| path_of(kind, id).into());
            }
        }
        Ok(links)
    }

    /// Links to what the record belongs to, up to the case.
    fn link_parents(&self, record: &Record, kind: &Kind, links: &mut Map<String, Json>) -> Outcome<()> {
        let parent = kind.fields.iter().find(|field| field.parent);
        let id = parent.and_then(|field| record.get(field.name)?.as_id());
        let (Some(parent), Some(id)) = (parent, id) else {
            return Ok(());
        };
        let Shape::Ref(wanted) = parent.shape else {
            return Ok(());
        };
        let known = kind::kind(wanted).filter(|kind| !kind.fields.iter().any(|field| field.parent));
        if let Some(above) = known {
            links.insert(above.name.to_owned(), path_of(above, id).into());
            return Ok(());
        }
        let Some(above) = self.get(id)? else {
            return Ok(());
        };
        let Some(above_kind) = kind::kind(&above.kind) else {
            return Ok(());
        };
        if above.kind == record.kind {
            links.insert("parent".to_owned(), path_of(above_kind, id).into());
            return Ok(());
        }
        links.insert(above_kind.name.to_owned(), path_of(above_kind, id).into());
        self.link_parents(&above, above_kind, links)
    }
}

fn kind_of(shape: Shape) -> Option<&'static Kind> {
    match shape {
        Shape::Ref(wanted) => kind::kind(wanted),
        _ => None,
    }
}

/// The path of a record.
pub fn path_of(kind: &Kind, id: RecordId) -> String {
    format!("/v1/{}/{id}", kind.plural)
}

/// Whether clients are told the field with its record; a chain of custody has routes of its own.
pub fn is_told(field: &Field) -> bool {
    field.writer != Writer::Secret && field.merge != Merge::Guarded
}

/// A field as it is shown; `None` if nothing is in it.
pub fn field_json(record: &Record, field: &Field) -> Option<Json> {
    match field.merge {
        Merge::Mv | Merge::Once => record.get(field.name).map(Json::from),
        Merge::OrSet => Some(list(record.members(field.name))),
        Merge::Append => {
            let versions = record.versions(field.name, Merge::Append).iter();
            Some(list(versions.map(|version| &version.value)))
        }
        Merge::Lattice => field.rank_word(record.rank(field.name)).map(Json::from),
        Merge::Guarded => None,
    }
}

fn list<'v>(values: impl IntoIterator<Item = &'v Value>) -> Json {
    Json::Array(values.into_iter().map(Json::from).collect())
}

/// The fields about which writers disagree: every version that is alive, each with its id.
pub fn conflicts(record: &Record, kind: &Kind) -> Map<String, Json> {
    let versions = |(name, versions): (&str, Vec<&Version>)| {
        (name.to_owned(), versions.into_iter().map(version_json).collect())
    };
    let told = record.conflicts().filter(|(name, _)| kind.tells(name));
    told.map(versions).collect()
}

/// The fields that are written once and were given another value elsewhere: every value, the one that stays first.
pub fn violations(record: &Record, kind: &Kind) -> Map<String, Json> {
    let told = record.violations().filter(|(name, _)| kind.tells(name));
    told.map(|(name, versions)| (name.to_owned(), versions.iter().map(version_json).collect()))
        .collect()
}

/// A version: its id, which a settlement names, its value, and when it was written.
pub fn version_json(version: &Version) -> Json {
    json!({
        "version": version.id.to_string(),
        "value": Json::from(&version.value),
        "written_at": version.hlc.millis().to_string(),
    })
}
