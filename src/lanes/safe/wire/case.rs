//! A case.

use serde_json::{Value as Json, json};

use crate::domain::kind::{ENTITY, EVIDENCE};
use crate::domain::operation::Merge;
use crate::domain::person::Person;
use crate::domain::record::Record;
use crate::domain::value::Value;
use crate::lanes::safe::wire::{Book, joined, list_or_null, name_in, number_in};
use crate::services::failure::Outcome;
use crate::services::policy;
use crate::services::safe::words::number_of;
use crate::views::words::List;
use crate::views::{ordinals, records};

impl Book<'_> {
    /// A case, whole.
    pub(in crate::lanes::safe) fn case(&self, case: &Record) -> Outcome<Json> {
        let (notes, notes_amount) = self.notes(case.id)?;
        let (tags, forms) = (Self::tags(case), self.form_data("cases", case)?);
        let creator = self.maker(case.created)?;
        let place = case.get("place");
        let place = place.and_then(|place| place.get("address").or_else(|| place.get("name")));
        let is_closed = case.text("status") == Some("closed");
        let closed = case.versions("stage", Merge::Lattice).first();
        let closed = closed
            .filter(|_| is_closed)
            .map(|version| version.hlc.millis().to_string());
        let items = self.items_of(case.id)?;
        let next = ordinals::last_in_case(&self.room.rows, case.id)? + 1;
        let people = self.persons(case)?.len();
        let permissions = self.permissions(case)?;
        Ok(joined([
            self.case_briefly(case)?,
            json!({
                "offenseDescription": case.text("description"),
                "offenseLocation": place.map(Json::from),
                "offenseDate": case.get("occurred_at").map(Json::from),
                "followUpDate": null,
                "active": !is_closed,
                "creatorId": number_in(&creator),
                "creator": name_in(&creator),
                "createdDate": case.created.hlc.millis().to_string(),
                "organizationId": self.guest.organization,
                "organizationName": self.organization_name()?,
                "items": items,
                "nextItemId": next.to_string(),
                "media": null,
                "mediaAmount": 0,
                "rootMediaFolderId": null,
                "formDataAmount": forms.len(),
                "formData": list_or_null(forms),
                "notesAmount": notes_amount,
                "notes": notes,
                "itemsNotesAmount": self.item_notes(case)?,
                "tagsAmount": tags.len(),
                "tags": list_or_null(tags),
            }),
            json!({
                "peopleAmount": people,
                "tasksAmount": 0,
                "historiesAmount": case.version,
                "closedDate": closed,
                "reviewDate": case.get("review_date").map(Json::from),
                "reviewDateNotes": null,
                "permissionAmount": permissions.len(),
                "permissions": list_or_null(permissions),
                "isForbidden": false,
            }),
        ]))
    }

    /// The users who may read a restricted case because they work on it.
    fn permissions(&self, case: &Record) -> Outcome<Vec<Json>> {
        let mut permissions = Vec::new();
        for id in policy::named_on(case) {
            let user = self.named(id)?;
            permissions.push(json!({"userId": number_in(&user), "user": name_in(&user)}));
        }
        Ok(permissions)
    }

    fn item_notes(&self, case: &Record) -> Outcome<usize> {
        let mut count = 0;
        for item in self.naming(case.id, &EVIDENCE, "case_id")? {
            count += self.naming(item, &crate::domain::kind::NOTE, "record_id")?.len();
        }
        Ok(count)
    }

    /// The name of the caller's agency.
    pub(super) fn organization_name(&self) -> Outcome<Json> {
        let kind = &crate::domain::kind::TENANT;
        let slug = self.room.caller.tenant().as_str();
        let Some(field) = kind.field("slug") else {
            return Ok(Json::Null);
        };
        let id = records::by_name(&self.room.rows, "", kind, field, slug)?;
        let tenant = id
            .map(|id| records::get(&self.room.rows, id))
            .transpose()?
            .flatten();
        Ok(tenant
            .and_then(|tenant| tenant.get("name").map(Json::from))
            .unwrap_or(Json::Null))
    }

    /// The persons of a case, each with the role in it. One who has several roles is there once for each.
    pub(in crate::lanes::safe) fn people_of(&self, case: &Record) -> Outcome<Vec<Json>> {
        let mut people = Vec::new();
        for (person, role) in self.persons(case)? {
            let number = number_of(List::Roles, &role);
            if let Some(told) = self.person(&person)? {
                people.push(joined([told, json!({"typeId": number, "type": role})]));
            }
        }
        Ok(people)
    }

    /// The persons of a case, once for each role: not its vehicles, phones and things.
    fn persons(&self, case: &Record) -> Outcome<Vec<(Record, String)>> {
        let mut persons = Vec::new();
        for member in case.members("entities") {
            let Some(id) = member.get("entity_id").and_then(Value::as_id) else {
                continue;
            };
            let record = self.room.seen(&ENTITY, id)?;
            let role = member.get("role").and_then(Value::as_text).unwrap_or_default();
            if let Some(person) = record.filter(|record| Person::of(record).is_some()) {
                persons.push((person, role.to_owned()));
            }
        }
        Ok(persons)
    }
}
