//! The script as steps.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::photo::{DemoExif, PhotoError, Scene, write_demo_photo};
use super::script::{Case, Entity, Evidence, Link, Photo, Report, Script, Watchlist};
use super::when::{Present, rfc3339, seconds};
use crate::services::import::BatchRow;

const SCRIPT: &str = include_str!("../../../data/demo.toml");

/// One thing to do. References are `ext:<external id>` of a record of an earlier step.
#[derive(Clone, Debug)]
pub enum Step {
    /// Create a record, as in a batch.
    Record(BatchRow),
    /// File a report. Its `data.category` is missing, because categories are named by their numbers: put
    /// `{category_id, subcategory_id}` there, the numbers of these two category records.
    Report {
        /// The report without its category.
        row: BatchRow,
        /// External id of the category.
        category: String,
        /// External id of the subcategory.
        subcategory: String,
    },
    /// Add an entry to the chain of custody; it follows the entry of the item's step before.
    Custody {
        /// External id of the item.
        evidence: String,
        /// Who did it, in the story.
        actor: String,
        /// As `POST /v1/evidence/{id}/custody` takes it, without `follows`.
        entry: Value,
    },
    /// Attach a picture.
    Photo {
        /// To what.
        of: PhotoOf,
        /// As it would be uploaded.
        file_name: String,
        /// To be drawn.
        photo: DemoPhoto,
    },
}

/// What a picture belongs to, by external id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PhotoOf {
    /// An item of evidence.
    Evidence(String),
    /// A report.
    Report(String),
}

/// A picture to be drawn.
#[derive(Clone, Debug)]
pub struct DemoPhoto {
    seed: u64,
    scene: Scene,
    caption: String,
    exif: DemoExif,
}

impl DemoPhoto {
    /// Draws it; takes some milliseconds (a second in an unoptimised build).
    ///
    /// # Errors
    /// When it can't be encoded.
    pub fn jpeg(&self) -> Result<Vec<u8>, PhotoError> {
        write_demo_photo(self.seed, self.scene, &self.caption, &self.exif)
    }
}

/// The script is wrong: a fault of the program, which its tests find.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// Its form.
    #[error("the demo's script can't be read")]
    Script(#[source] Box<toml::de::Error>),
    /// One of its times.
    #[error("`{0}` in the demo's script is not a time")]
    Time(String),
}

/// All steps, in the order in which they must be taken.
///
/// # Errors
/// When the script is wrong.
pub fn steps(now: Timestamp, zone: TimeZone) -> Result<Vec<Step>, DemoError> {
    let (script, mut telling) = begin(now, zone)?;
    telling.reference(&script);
    for watchlist in &script.watchlist {
        telling.watchlist(watchlist)?;
    }
    for entity in &script.entity {
        telling.entity(entity);
    }
    for case in &script.case {
        telling.case(case)?;
        for evidence in &case.evidence {
            telling.evidence(&case.id, evidence)?;
        }
    }
    for report in &script.report {
        telling.report(report)?;
    }
    Ok(telling.steps)
}

/// What comes in while somebody looks: it is on the watchlist.
///
/// # Errors
/// When the script is wrong.
pub fn later(now: Timestamp, zone: TimeZone) -> Result<Vec<Step>, DemoError> {
    let (script, mut telling) = begin(now, zone)?;
    for report in &script.later {
        telling.report(report)?;
    }
    Ok(telling.steps)
}

fn begin(now: Timestamp, zone: TimeZone) -> Result<(Script, Telling), DemoError> {
    let script = toml::from_str(SCRIPT).map_err(|error| DemoError::Script(Box::new(error)))?;
    let telling = Telling {
        present: Present::new(now, zone),
        steps: Vec::new(),
    };
    Ok((script, telling))
}

struct Telling {
    present: Present,
    steps: Vec<Step>,
}

impl Telling {
    fn record(&mut self, kind: &str, external_id: &str, data: Value) {
        self.steps.push(Step::Record(row(kind, external_id, data)));
    }

    fn time(&self, text: &str) -> Result<String, DemoError> {
        read(text, self.present.instant(text)).map(|instant| rfc3339(&instant))
    }

    fn reference(&mut self, script: &Script) {
        for office in &script.office {
            let data = json!({"name": office.name, "number": office.number, "address": office.address});
            self.record("office", &office.id, data);
        }
        for user in &script.user {
            let data = json!({
                "name": user.name, "email": user.email, "role": user.role, "badge": user.badge,
                "office_id": ext(&user.office),
            });
            self.record("user", &user.id, data);
        }
        for unit in &script.unit {
            let data = json!({"name": unit.name, "position": unit.position});
            self.record("unit", &unit.id, data);
        }
        for category in &script.category {
            self.record("category", &category.id, json!({"text": category.text}));
            for (id, text) in &category.children {
                self.record(
                    "category",
                    id,
                    json!({"text": text, "parent_id": ext(&category.id)}),
                );
            }
        }
    }

    fn watchlist(&mut self, list: &Watchlist) -> Result<(), DemoError> {
        let data = json!({
            "name": list.name, "purpose": list.purpose, "owner": list.owner, "severity": list.severity,
            "expires_at": self.time(&list.expires)?, "handling": list.handling, "entries": list.entries,
        });
        self.record("watchlist", &list.id, data);
        Ok(())
    }

    fn entity(&mut self, entity: &Entity) {
        let data = json!({
            "kind": entity.kind, "display_name": entity.name, "risk_level": entity.risk, "attributes": entity.attributes,
            "relationships": links(&entity.related, "to"), "tags": entity.tags,
        });
        self.record("entity", &entity.id, data);
    }

    fn case(&mut self, case: &Case) -> Result<(), DemoError> {
        let review = case.review.as_deref();
        let review = review.map(|text| read(text, self.present.day(text)).map(|day| day.to_string()));
        let team: Vec<Value> = case.team.iter().map(|member| self.team_member(member)).collect();
        let data = json!({
            "title": case.title, "status": case.status, "priority": case.priority, "offense_type": case.offense,
            "description": case.description.trim(), "occurred_at": self.time(&case.occurred)?,
            "office_id": ext(&case.office), "place": case.place, "tags": case.tags, "classification": case.classification,
            "review_date": review.transpose()?, "team": team, "entities": links(&case.entities, "entity_id"),
        });
        self.record("case", &case.id, data);
        self.timeline(case)?;
        for (at, text) in (1..).zip(&case.notes) {
            let data = json!({"record_id": ext(&case.id), "text": text});
            self.record("note", &format!("{}/note/{at}", case.id), data);
        }
        Ok(())
    }

    fn timeline(&mut self, case: &Case) -> Result<(), DemoError> {
        for (at, moment) in (1..).zip(&case.timeline) {
            let within = moment.within.as_deref().map(|text| read(text, seconds(text)));
            let data = json!({
                "case_id": ext(&case.id), "timestamp": self.time(&moment.at)?, "uncertainty_seconds": within.transpose()?,
                "description": moment.text, "severity": moment.severity, "source": moment.source,
            });
            self.record("timeline-entry", &format!("{}/timeline/{at}", case.id), data);
        }
        Ok(())
    }

    /// By reference and by name: a team member's name stays readable when the user is gone.
    fn team_member(&self, (user, role): &Link) -> Value {
        let name = self.steps.iter().find_map(|step| match step {
            Step::Record(row) if row.kind == "user" && row.external_id == *user => row.data.get("name"),
            _ => None,
        });
        json!({"user_id": ext(user), "name": name, "role": role})
    }

    fn evidence(&mut self, case: &str, evidence: &Evidence) -> Result<(), DemoError> {
        let data = json!({
            "case_id": ext(case), "type": evidence.r#type, "description": evidence.description,
            "category": evidence.category, "recovered_at": self.time(&evidence.recovered)?, "recovered_by": evidence.by,
            "location": evidence.location, "place": evidence.place, "form_data": evidence.form_data,
        });
        self.record("evidence", &evidence.id, data);
        for photo in &evidence.photos {
            self.photo(PhotoOf::Evidence(evidence.id.clone()), photo)?;
        }
        for entry in &evidence.custody {
            let data = json!({
                "action": entry.action, "happened_at": self.time(&entry.at)?, "from": entry.from, "to": entry.to,
                "place": entry.place, "reason": entry.reason, "note": entry.note, "witness": entry.witness,
            });
            self.steps.push(Step::Custody {
                evidence: evidence.id.clone(),
                actor: entry.by.clone(),
                entry: without_nulls(data),
            });
        }
        Ok(())
    }

    fn photo(&mut self, of: PhotoOf, photo: &Photo) -> Result<(), DemoError> {
        let taken = read(&photo.at, self.present.instant(&photo.at))?;
        let seed = u64::try_from(self.steps.len()).unwrap_or(0);
        let offset = taken.strftime("%:z").to_string();
        let by_citizen = matches!(of, PhotoOf::Report(_));
        let (device_make, device_model) = if by_citizen {
            ("Pebble", "Pocket 6")
        } else {
            ("Northlight", "Fieldcam 3")
        };
        self.steps.push(Step::Photo {
            of,
            file_name: photo.name.clone(),
            photo: DemoPhoto {
                seed,
                scene: photo.scene,
                caption: photo.caption.clone(),
                exif: DemoExif {
                    taken_at: Some(taken.strftime("%Y-%m-%dT%H:%M:%S").to_string()),
                    taken_offset: Some(offset),
                    place: Some((photo.latitude, photo.longitude)),
                    direction_degrees: photo.direction,
                    device_make: device_make.to_owned(),
                    device_model: device_model.to_owned(),
                    orientation: 1,
                },
            },
        });
        Ok(())
    }

    fn report(&mut self, report: &Report) -> Result<(), DemoError> {
        let data = json!({
            "description": report.description, "location": {"x": report.longitude, "y": report.latitude},
            "mode": report.mode, "reporter": report.reporter, "status": report.status,
            "case_id": report.case.as_deref().map(ext),
        });
        self.steps.push(Step::Report {
            row: row("report", &report.id, data),
            category: report.category.clone(),
            subcategory: report.subcategory.clone(),
        });
        for photo in &report.photos {
            self.photo(PhotoOf::Report(report.id.clone()), photo)?;
        }
        for (at, message) in (1..).zip(&report.chat) {
            let data = json!({
                "report_id": ext(&report.id), "type": "text", "text": message.text, "label": message.label,
            });
            self.record("chat-message", &format!("{}/chat/{at}", report.id), data);
        }
        Ok(())
    }
}

fn row(kind: &str, external_id: &str, data: Value) -> BatchRow {
    BatchRow {
        kind: kind.to_owned(),
        external_id: external_id.to_owned(),
        data: without_nulls(data),
        once: false,
    }
}

fn ext(external_id: &str) -> String {
    format!("ext:{external_id}")
}

/// What a text of the script was read as.
fn read<T>(text: &str, time: Option<T>) -> Result<T, DemoError> {
    time.ok_or_else(|| DemoError::Time(text.to_owned()))
}

fn links(links: &[Link], key: &str) -> Vec<Value> {
    let link = |(id, role): &Link| json!({key: ext(id), "role": role});
    links.iter().map(link).collect()
}

/// What the script does not say is left out.
fn without_nulls(data: Value) -> Value {
    match data {
        Value::Object(fields) => {
            let said = fields.into_iter().filter(|(_, value)| {
                !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty())
            });
            Value::Object(said.collect::<Map<_, _>>())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use jiff::Timestamp;
    use jiff::tz::TimeZone;
    use serde_json::Value;

    use super::{PhotoOf, Step, steps};
    use crate::domain::custody::{Action, State};
    use crate::services::images::inspect;

    const NOW: &str = "2026-07-04T16:00:00Z";

    fn told() -> Vec<Step> {
        steps(
            NOW.parse().unwrap(),
            TimeZone::posix("EST5EDT,M3.2.0,M11.1.0").unwrap(),
        )
        .unwrap()
    }

    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::String(text) => found.extend(text.strip_prefix("ext:").map(str::to_owned)),
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            Value::Object(fields) => fields.values().for_each(|item| references(item, found)),
            _ => {}
        }
    }

    #[test]
    fn everything_that_is_referred_to_was_told_before() {
        let mut known = BTreeSet::new();
        for step in told() {
            let mut found = Vec::new();
            match &step {
                Step::Record(row) => references(&row.data, &mut found),
                Step::Report {
                    row,
                    category,
                    subcategory,
                } => {
                    references(&row.data, &mut found);
                    found.extend([category.clone(), subcategory.clone()]);
                }
                Step::Custody { evidence, .. } => found.push(evidence.clone()),
                Step::Photo {
                    of: PhotoOf::Evidence(id) | PhotoOf::Report(id),
                    ..
                } => found.push(id.clone()),
            }
            for id in found {
                assert!(known.contains(&id), "{id}");
            }
            if let Step::Record(row) | Step::Report { row, .. } = step {
                assert!(
                    known.insert(row.external_id.clone()),
                    "{} is told twice",
                    row.external_id
                );
            }
        }
    }

    #[test]
    fn every_chain_of_custody_is_possible_and_in_order() {
        let mut chains: BTreeMap<String, (State, Timestamp)> = BTreeMap::new();
        for step in told() {
            let Step::Custody { evidence, entry, .. } = step else {
                continue;
            };
            let action: Action = entry["action"].as_str().unwrap().parse().unwrap();
            let happened: Timestamp = entry["happened_at"].as_str().unwrap().parse().unwrap();
            assert!(happened < NOW.parse().unwrap());
            let (state, before) = chains
                .get(&evidence)
                .copied()
                .unwrap_or((State::New, Timestamp::MIN));
            let after = state
                .after(action)
                .unwrap_or_else(|| panic!("{evidence}: {action} when {state:?}"));
            assert!(happened >= before, "{evidence}: {action} is told out of order");
            chains.insert(evidence, (after, happened));
        }
        assert!(chains.len() >= 10);
        assert!(chains.values().any(|(state, _)| *state == State::Returned));
        assert!(chains.values().any(|(state, _)| *state == State::CheckedOut));
    }

    #[test]
    fn a_dozen_cases_are_told_and_a_vehicle_is_on_the_watchlist() {
        let (mut cases, mut plates, mut watched) = (0, Vec::new(), Vec::new());
        for step in told() {
            let Step::Record(row) = step else { continue };
            cases += usize::from(row.kind == "case");
            if row.kind == "entity" && row.data["kind"] == "vehicle" {
                plates.push(row.data["attributes"]["plate"].clone());
            }
            if row.kind == "watchlist" {
                let entries = row.data["entries"].as_array().unwrap();
                watched.extend(
                    entries
                        .iter()
                        .filter(|entry| entry["type"] == "plate")
                        .map(|entry| entry["value"].clone()),
                );
            }
        }
        assert_eq!(cases, 12);
        assert_eq!(plates.iter().filter(|plate| watched.contains(plate)).count(), 1);
    }

    #[test]
    fn a_photo_was_taken_when_the_story_says() {
        let photo = told().into_iter().find_map(|step| match step {
            Step::Photo {
                of: PhotoOf::Report(_),
                photo,
                ..
            } => Some(photo),
            _ => None,
        });
        let capture = inspect(&photo.unwrap().jpeg().unwrap()).unwrap().capture;
        assert_eq!(capture.taken_at.as_deref(), Some("2026-07-04T11:25:00"));
        assert_eq!(capture.taken_offset.as_deref(), Some("-04:00"));
        assert_eq!(capture.device_make.as_deref(), Some("Pebble"));
    }
}
