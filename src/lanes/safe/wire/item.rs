//! An item of evidence.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use crate::domain::custody::Standing;
use crate::domain::custody::chain::{CUSTODY, Chain};
use crate::domain::id::RecordId;
use crate::domain::kind::{ENTITY, LOCATION};
use crate::domain::operation::Merge;
use crate::domain::record::Record;
use crate::domain::value::Value;
use crate::lanes::safe::wire::{Book, joined, list_or_null, name_in, number_in, updated};
use crate::services::caller::VIA_API;
use crate::services::failure::Outcome;
use crate::services::safe::custody::{standing_of, word_of};
use crate::services::safe::words::{self, CUSTODY_REASONS, STATUSES};
use crate::views::ordinals;
use crate::views::words::List;

impl Book<'_> {
    /// An item, whole.
    pub(in crate::lanes::safe) fn item(&self, item: &Record) -> Outcome<Json> {
        Ok(joined([
            self.item_briefly(item)?,
            self.item_parts(item)?,
            self.item_people(item)?,
        ]))
    }

    /// An item without what lies on it and needs to be counted.
    pub(in crate::lanes::safe) fn item_briefly(&self, item: &Record) -> Outcome<Json> {
        let number = self.number(item.id)?;
        let chain = Chain::of(item);
        Ok(joined([
            self.item_itself(item, number, &chain)?,
            self.item_place(item, &chain)?,
            self.item_custody(&chain)?,
            self.item_case(item)?,
        ]))
    }

    fn item_itself(&self, item: &Record, number: i64, chain: &Chain) -> Outcome<Json> {
        let in_case = ordinals::in_case(&self.room.rows, item.id)?;
        let category = item.text("category");
        let recovered_by = item.text("recovered_by");
        let form = item.get("form_data");
        let said = |name: &str| {
            form.and_then(|form| form.get(name))
                .map_or(Json::Null, Json::from)
        };
        let active = standing_of(chain.now.state) != Standing::Disposed;
        Ok(json!({
            "id": number,
            "sqlId": number,
            "sequentialOrgId": number,
            "sequentialCaseId": in_case.map(|number| number.to_string()),
            "sequentialCaseIdNested": in_case.map(|section| json!({"section": section, "nested": null})),
            "barcode": item.id.to_string(),
            "barcodes": item.text("barcode").map(|code| [code]),
            "barcodesAmount": usize::from(item.text("barcode").is_some()),
            "description": item.text("description"),
            "active": active,
            "isForbidden": false,
            "dateCreated": item.created.hlc.millis().to_string(),
            "updatedDateTime": updated(item),
            "recoveryDate": item.get("recovered_at").map(Json::from),
            "recoveredById": recovered_by.map(|name| self.user_of(name)).transpose()?,
            "recoveredBy": recovered_by,
            "categoryId": category.map(|word| words::number_of(List::Categories, word)),
            "category": category,
            "make": said("make"),
            "model": said("model"),
            "serialNumber": said("serial_number"),
        }))
    }

    fn item_place(&self, item: &Record, chain: &Chain) -> Outcome<Json> {
        let place = item.get("place");
        let said = |name: &str| {
            place
                .and_then(|place| place.get(name))
                .map_or(Json::Null, Json::from)
        };
        let found_at = match said("name") {
            Json::Null => said("address"),
            name => name,
        };
        let location = item.get("location_id").and_then(Value::as_id);
        let location = location.map(|id| self.seen(&LOCATION, id)).transpose()?.flatten();
        let kept_at = location
            .as_ref()
            .map(|location| self.full_location(location))
            .transpose()?;
        let name = location.as_ref().and_then(|location| location.text("name"));
        let name = name.or_else(|| item.text("location"));
        let full = kept_at.as_deref().or(name);
        let last = self.last_location(chain, location.as_ref(), full)?;
        Ok(json!({
            "recoveryLocation": found_at,
            "recoveryLocationLatitude": said("latitude"),
            "recoveryLocationLongitude": said("longitude"),
            "locationId": location.as_ref().map(|location| self.number(location.id)).transpose()?,
            "location": name,
            "fullLocation": full,
            "lastLocationId": last.as_ref().and_then(|(number, _)| *number),
            "lastLocation": last.map(|(_, name)| name),
        }))
    }

    /// The last place of the chain that is not the present one: its number, if it is a location, and its name.
    fn last_location(
        &self,
        chain: &Chain,
        location: Option<&Record>,
        full: Option<&str>,
    ) -> Outcome<Option<(Option<i64>, String)>> {
        let mut before = full;
        for entry in chain.entries.iter().rev() {
            let way = entry.value.get("place").and_then(Value::as_text);
            let Some(way) = way.filter(|way| Some(*way) != full && Some(*way) != before) else {
                continue;
            };
            let Some(known) = self.location_at(way)? else {
                return Ok(Some((None, way.to_owned())));
            };
            if location.is_none_or(|location| location.id != known.id) {
                let name = known.text("name").unwrap_or(way).to_owned();
                return Ok(Some((Some(self.number(known.id)?), name)));
            }
            before = Some(way);
        }
        Ok(None)
    }

    fn item_custody(&self, chain: &Chain) -> Outcome<Json> {
        let standing = standing_of(chain.now.state);
        let status = word_of(standing);
        let last = chain.entries.last();
        let is_out = standing == Standing::CheckedOut;
        let reason = last
            .filter(|_| is_out)
            .and_then(|entry| entry.value.get("reason")?.as_text());
        let holder = chain.now.holder.as_ref();
        let custodian = holder.and_then(|holder| holder.get("name").unwrap_or(holder).as_text());
        let custodian = custodian.map(|name| name.trim_end_matches(VIA_API));
        let first = chain
            .entries
            .first()
            .and_then(|entry| entry.value.get("actor")?.as_text());
        let submitted_by = first.map(|name| name.trim_end_matches(VIA_API));
        Ok(json!({
            "statusId": words::fixed_number(STATUSES, status),
            "status": status,
            "custodyReasonId": reason.and_then(|word| words::fixed_number(CUSTODY_REASONS, word)),
            "custodyReason": reason,
            "custodianId": custodian.map(|name| self.user_of(name)).transpose()?,
            "custodian": custodian,
            "submittedById": submitted_by.map(|name| self.user_of(name)).transpose()?,
            "submittedBy": submitted_by,
        }))
    }

    fn item_case(&self, item: &Record) -> Outcome<Json> {
        let case = item.get("case_id").and_then(Value::as_id);
        let case = case.map(|id| self.case_of(id)).transpose()?;
        let case = case.as_deref().unwrap_or(&Json::Null);
        let said = |name: &str| case.get(name).cloned().unwrap_or(Json::Null);
        let id = said("id");
        let model = json!({"id": id, "caseNumber": said("caseNumber")});
        Ok(json!({
            "primaryCaseId": id,
            "primaryCaseNumber": said("caseNumber"),
            "primaryCaseOfficerIds": case.get("caseOfficerIds").cloned().unwrap_or_else(|| json!([])),
            "primaryCaseOfficers": case.get("caseOfficers").cloned().unwrap_or_else(|| json!([])),
            "primaryCaseOffenseTypeId": said("offenseTypeId"),
            "primaryCaseOffenseType": said("offenseType"),
            "isPrimaryCaseRestricted": case.get("isRestricted").cloned().unwrap_or(Json::Bool(false)),
            "currentOfficeId": said("officeId"),
            "currentOfficeName": said("officeName"),
            "creatingOrgId": self.guest.organization,
            "loaningOrgId": null,
            "incomingOrgId": null,
            "cases": if id.is_null() { json!([]) } else { json!([id]) },
            "caseModels": if id.is_null() { Json::Null } else { json!([model]) },
        }))
    }

    fn item_parts(&self, item: &Record) -> Outcome<Json> {
        let (notes, notes_amount) = self.notes(item.id)?;
        let (tags, media) = (Self::tags(item), self.media(item)?);
        let forms = self.form_data("items", item)?;
        Ok(json!({
            "notesAmount": notes_amount,
            "notes": notes,
            "tagsAmount": tags.len(),
            "tags": list_or_null(tags),
            "mediaAmount": media.len(),
            "media": list_or_null(media),
            "formDataAmount": forms.len(),
            "formData": list_or_null(forms),
            "historiesAmount": self.changes(item.id)?,
            "childItems": null,
            "childItemsAmount": 0,
            "tasks": null,
            "tasksAmount": 0,
            "rootMediaFolderId": null,
            "parentItemId": null,
            "parentItemDescription": null,
            "parentSequentialOrgId": null,
        }))
    }

    /// The persons to whom the item went, by its chain of custody, each once. Users are no persons here.
    fn item_people(&self, item: &Record) -> Outcome<Json> {
        let entries = item.versions(CUSTODY, Merge::Guarded).iter();
        let ids = entries.filter_map(|entry| entry.value.get("to_id")?.as_id());
        let ids: BTreeSet<RecordId> = ids.collect();
        let mut people = Vec::new();
        for id in ids {
            if let Some(person) = self.seen(&ENTITY, id)? {
                people.extend(self.person(&person)?);
            }
        }
        let each = |name: &str| list_or_null(people.iter().map(|person| person[name].clone()).collect());
        Ok(json!({
            "peopleIds": each("id"),
            "peopleNames": each("name"),
            "peopleGuids": each("guid"),
            "people": list_or_null(people),
        }))
    }

    /// What items tell of a case.
    pub(in crate::lanes::safe) fn case_briefly(&self, case: &Record) -> Outcome<Json> {
        let mut officers = Vec::new();
        for id in case.members("officers").into_iter().filter_map(Value::as_id) {
            officers.extend(self.named(id)?);
        }
        let ids: Vec<i64> = officers.iter().map(|(number, _)| *number).collect();
        let names: Vec<&str> = officers.iter().map(|(_, name)| name.as_str()).collect();
        let office = self.field(case, "office_id")?;
        let offense = case.text("offense_type");
        let class = case.text("classification").unwrap_or("open");
        Ok(json!({
            "id": self.number(case.id)?,
            "caseNumber": case.text("case_number").or_else(|| case.text("display_id")),
            "caseOfficerIds": ids,
            "caseOfficers": names,
            "caseOfficerId": ids.first(),
            "caseOfficer": names.first(),
            "offenseTypeId": offense.map(|word| words::number_of(List::Offenses, word)),
            "offenseType": offense,
            "officeId": number_in(&office),
            "officeName": name_in(&office),
            "isRestricted": class != "open",
        }))
    }
}
