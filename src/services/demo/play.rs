//! Takes the steps of the story: each goes through the same services as the work of a real day.

use std::collections::HashMap;

use serde_json::{Value as Json, json};

use crate::domain::kind::{self, DISPLAY_ID, EVIDENCE, REPORT, USER};
use crate::domain::record::Record;
use crate::domain::value::{Fields, Value};
use crate::services::Services;
use crate::services::caller::Caller;
use crate::services::demo::story::{PhotoOf, Step};
use crate::services::failure::{Failure, Outcome};
use crate::services::files::Purpose;
use crate::services::find::EXTERNAL_PREFIX;
use crate::services::import::BatchRow;
use crate::store::hash::sha256;

/// A drawn picture is no larger than this.
const PHOTO_BYTES_MAX: u64 = 16 << 20;

/// Whoever tells the story: the owner of the folder, and in the hand-overs the persons themselves.
pub struct Teller<'s> {
    services: &'s Services,
    owner: Caller,
    /// The agency's people by name.
    people: HashMap<String, Record>,
}

impl<'s> Teller<'s> {
    /// Nothing is told yet.
    pub fn new(services: &'s Services, owner: Caller) -> Self {
        Self {
            services,
            owner,
            people: HashMap::new(),
        }
    }

    /// Takes a step; `drawn` is the picture of a step that has one.
    ///
    /// # Errors
    /// The story is wrong, or the disk failed.
    pub fn take(&mut self, step: Step, drawn: Option<Vec<u8>>) -> Outcome<()> {
        match step {
            Step::Record(row) => self.record(row),
            Step::Report {
                mut row,
                category,
                subcategory,
            } => {
                let (category, subcategory) = (self.number(&category)?, self.number(&subcategory)?);
                row.data["category"] = json!({"category_id": category, "subcategory_id": subcategory});
                self.report(row)
            }
            Step::Custody {
                evidence,
                actor,
                entry,
            } => self.custody(&evidence, &actor, entry),
            Step::Photo { of, file_name, .. } => self.photo(&of, &file_name, &drawn.unwrap_or_default()),
        }
    }

    fn record(&mut self, row: BatchRow) -> Outcome<()> {
        let kind = kind::kind(&row.kind).ok_or_else(|| Failure::wrong("kind", "a kind of record"))?;
        let input = fields(row.data);
        let (written, _) =
            self.services
                .put_external(&self.owner, (kind, &row.external_id), None, input, None)?;
        if kind.name == USER.name {
            let user = written.first()?;
            let name = user.text("name").unwrap_or_default().to_owned();
            self.people.insert(name, user.clone());
        }
        Ok(())
    }

    /// Filed as any report is: with its public link and who filed it.
    fn report(&self, row: BatchRow) -> Outcome<()> {
        let body = sha256(&[row.external_id.as_bytes()]);
        let mut input = fields(row.data);
        input.insert("external_id".to_owned(), Value::Text(row.external_id));
        self.services
            .file_report(&self.owner, input, None, body)
            .map(drop)
    }

    /// The number by which reports name a category.
    fn number(&self, category: &str) -> Outcome<u64> {
        let record = self
            .services
            .read(&self.owner, &kind::CATEGORY, &external(category))?;
        let number = record.text(DISPLAY_ID).and_then(|text| text.parse().ok());
        number.ok_or(Failure::Unknown("category"))
    }

    fn custody(&self, evidence: &str, actor: &str, entry: Json) -> Outcome<()> {
        let chain = self.services.custody_of(&self.owner, &external(evidence))?.chain;
        // That it was collected is the first entry of every item.
        if entry["action"] == "collected" && !chain.heads.is_empty() {
            return Ok(());
        }
        let mut input = fields(entry);
        let heads = chain.heads.iter().map(|head| Value::Text(head.to_string()));
        input.insert("follows".to_owned(), Value::List(heads.collect()));
        let reference = external(evidence);
        if let Some(person) = self.people.get(actor) {
            let person = self.services.admit_user(person, self.owner.via().clone())?;
            match self
                .services
                .transfer_custody(&person, &reference, input.clone(), None)
            {
                // A restricted case is not open to everybody who carried something of it.
                Err(Failure::Unknown(_) | Failure::Denied(_)) => {}
                other => return other.map(drop),
            }
        }
        self.services
            .transfer_custody(&self.owner, &reference, input, None)
            .map(drop)
    }

    fn photo(&self, of: &PhotoOf, name: &str, jpeg: &[u8]) -> Outcome<()> {
        let (kind, purpose, id) = match of {
            PhotoOf::Evidence(id) => (&EVIDENCE, Purpose::Evidence, id),
            PhotoOf::Report(id) => (&REPORT, Purpose::Picture, id),
        };
        let mut upload = self.services.files().begin(purpose, PHOTO_BYTES_MAX)?;
        upload.write(jpeg)?;
        let uploads = vec![upload.finish(Some(name))?];
        let attached = (kind, external(id));
        self.services
            .attach_files(&self.owner, (attached.0, &attached.1), uploads, None, |_, _| {
                Ok(())
            })
            .map(drop)
    }
}

fn external(id: &str) -> String {
    format!("{EXTERNAL_PREFIX}{id}")
}

fn fields(data: Json) -> Fields {
    match Value::from(data) {
        Value::Map(fields) => fields,
        _ => Fields::new(),
    }
}
