//! Persons, organizations, users.

use serde_json::{Value as Json, json};

use crate::domain::kind::TEAM;
use crate::domain::person::Person;
use crate::domain::record::Record;
use crate::domain::value::Value;
use crate::lanes::safe::wire::{Book, joined, list_or_null, name_in, number_in, updated};
use crate::services::failure::Outcome;
use crate::services::people::is_disabled;
use crate::services::safe::words::{self, GENDERS, RACES};
use crate::views::words::List;

impl Book<'_> {
    /// A person or an organization, whole; `None` of another entity.
    pub(in crate::lanes::safe) fn person(&self, record: &Record) -> Outcome<Option<Json>> {
        let Some(person) = Person::of(record) else {
            return Ok(None);
        };
        let attributes = record.get("attributes");
        let value = |name: &str| attributes.and_then(|attributes| attributes.get(name));
        let said = |name: &str| value(name).map_or(Json::Null, Json::from);
        let text = |text: &str| if text.is_empty() { Json::Null } else { text.into() };
        let fixed = |list, name: &str| {
            value(name)
                .and_then(Value::as_int)
                .and_then(|n| words::fixed(list, n))
        };
        let alias = value("aliases")
            .and_then(|aliases| aliases.as_list().first())
            .map(Json::from);
        let type_name = value("person_type").and_then(Value::as_text);
        let (notes, notes_amount) = self.notes(record.id)?;
        let forms = self.form_data("people", record)?;
        Ok(Some(joined([
            json!({
                "id": self.number(record.id)?,
                "guid": record.id.to_string(),
                "organizationId": self.guest.organization,
                "userId": null,
                "createDateTime": record.created.hlc.millis().to_string(),
                "updatedDateTime": updated(record),
                "isDeleted": false,
                "businessName": text(&person.business),
                "name": record.text("display_name"),
                "displayedName": record.text("display_name"),
                "firstName": text(&person.first),
                "middleName": text(&person.middle),
                "lastName": text(&person.last),
                "alias": alias,
                "driverLicence": text(&person.licence),
                "email": text(&person.email),
                "dob": text(&person.dob),
            }),
            json!({
                "mobilePhone": said("mobile_phone"),
                "otherPhone": said("other_phone"),
                "raceId": said("race_id"),
                "race": fixed(RACES, "race_id"),
                "genderId": said("gender_id"),
                "gender": fixed(GENDERS, "gender_id"),
                "deceased": value("deceased").and_then(Value::as_bool).unwrap_or(false),
                "juvenile": value("juvenile").and_then(Value::as_bool).unwrap_or(false),
                "active": value("active").and_then(Value::as_bool).unwrap_or(true),
                "personTypeId": type_name.map(|word| words::number_of(List::Roles, word)),
                "formDataAmount": forms.len(),
                "formData": list_or_null(forms),
                "notesAmount": notes_amount,
                "notes": notes,
                "media": null,
                "mediaAmount": 0,
                "rootMediaFolderId": null,
                "defaultAddress": said("default_address"),
                "isForbidden": false,
            }),
        ])))
    }

    /// A user.
    pub(in crate::lanes::safe) fn user(&self, user: &Record) -> Outcome<Json> {
        let name = user.text("name").unwrap_or_default();
        let (first, middle, last) = crate::domain::person::taken_apart(name);
        let text = |text: &str| if text.is_empty() { Json::Null } else { text.into() };
        let office = self.field(user, "office_id")?;
        let mut groups = Vec::new();
        for id in self.naming(user.id, &TEAM, "members")? {
            groups.push(self.number(id)?);
        }
        Ok(json!({
            "id": self.number(user.id)?,
            "guid": user.id.to_string(),
            "name": name,
            "firstName": text(&first),
            "middleName": text(&middle),
            "lastName": text(&last),
            "organizationId": self.guest.organization,
            "organizationName": self.organization_name()?,
            "officeId": number_in(&office),
            "officeName": name_in(&office),
            "email": user.text("email"),
            "mobilePhone": user.text("phone"),
            "otherphone": user.text("other_phone"),
            "active": !is_disabled(user),
            "emailDisable": false,
            "groups": groups,
            "personFormData": [],
            "updatedDateTime": updated(user),
        }))
    }
}
