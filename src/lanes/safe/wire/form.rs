//! The agency's own fields. Our lanes know a field by its stable name; these clients know it by the name in its form's schema
//! (`field2849`), and get and give what is filled in as a text that contains JSON.

use serde_json::{Map, Value as Json, json};

use crate::domain::record::Record;
use crate::domain::value::Value;
use crate::lanes::safe::wire::Book;
use crate::services::failure::Outcome;
use crate::store::hash::sha256;

/// The name of what is filled in beside every form.
const BESIDE: &str = "General";

/// A form.
pub(in crate::lanes::safe) struct Form {
    /// Its number; 0 for what is filled in beside every form.
    pub(in crate::lanes::safe) number: i64,
    name: String,
    /// `cases`, `items` or `people`.
    pub(in crate::lanes::safe) about: String,
    schema: Json,
    /// Type, name to these clients, stable name of each field.
    fields: Vec<(String, String, String)>,
}

impl Form {
    /// Of a record.
    pub(super) fn of(number: i64, record: &Record) -> Self {
        let schema = spelled(record.get("schema").map_or(Json::Null, Json::from));
        let fields = schema["fields"].as_array().map_or(&[][..], Vec::as_slice);
        let text = |field: &Json, name: &str| field[name].as_str().unwrap_or_default().to_owned();
        let field = |field: &Json| {
            let name = text(field, "name");
            let stable = ["stableName", "displayName", "name"].into_iter();
            let stable = stable
                .map(|member| text(field, member))
                .find(|name| !name.is_empty());
            (text(field, "type"), name, slug(&stable.unwrap_or_default()))
        };
        Self {
            number,
            name: record.text("name").unwrap_or_default().to_owned(),
            about: record.text("for").unwrap_or_default().to_owned(),
            fields: fields
                .iter()
                .map(field)
                .filter(|(_, name, _)| !name.is_empty())
                .collect(),
            schema,
        }
    }

    /// As the list of forms has it: the schema is a text.
    pub(in crate::lanes::safe) fn listed(&self) -> Json {
        let form_type = match self.about.as_str() {
            "cases" => "Cases",
            "people" => "People",
            _ => "Items",
        };
        json!({
            "id": self.number,
            "name": self.name,
            "formType": form_type,
            "active": true,
            "schema": self.schema.to_string(),
        })
    }

    /// The stable name of a field that these clients call so.
    pub(in crate::lanes::safe) fn stable<'f>(&'f self, name: &'f str) -> &'f str {
        let mut fields = self.fields.iter();
        let known = fields.find(|(_, known, _)| known.eq_ignore_ascii_case(name));
        known.map_or(name, |(_, _, stable)| stable)
    }
}

/// A schema with the names of its fields' members as these clients spell them: ours came by `POST /v1/forms`.
fn spelled(mut schema: Json) -> Json {
    let fields = schema.get_mut("fields").and_then(Json::as_array_mut);
    for field in fields.into_iter().flatten().filter_map(Json::as_object_mut) {
        for (own, name) in [("display_name", "displayName"), ("stable_name", "stableName")] {
            if let Some(value) = field.remove(own) {
                field.entry(name).or_insert(value);
            }
        }
    }
    schema
}

/// A name as our own lanes write it: `Serial Number` is `serial_number`.
fn slug(text: &str) -> String {
    let lower = text.trim().to_lowercase();
    let words = lower.split(|letter: char| !letter.is_alphanumeric());
    words
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join("_")
}

impl Book<'_> {
    /// What is filled in of a record, form by form; last what belongs to none.
    pub(in crate::lanes::safe) fn form_data(&self, about: &str, record: &Record) -> Outcome<Vec<Json>> {
        let filled = match about {
            "people" => record
                .get("attributes")
                .and_then(|attributes| attributes.get("form_data")),
            _ => record.get("form_data"),
        };
        let Some(filled) = filled.and_then(Value::as_map).filter(|filled| !filled.is_empty()) else {
            return Ok(Vec::new());
        };
        let mut rest: Vec<&str> = filled.keys().map(String::as_str).collect();
        let mut told = Vec::new();
        for form in self.forms()?.iter().filter(|form| form.about == about) {
            let (mut data, mut dates) = (Map::new(), Vec::new());
            for (kind, name, stable) in &form.fields {
                // A field may have had no other name than this when it was filled in.
                let known = filled.get_key_value(stable);
                let Some((known, value)) = known.or_else(|| filled.get_key_value(name)) else {
                    continue;
                };
                data.insert(name.clone(), value.into());
                if kind.to_lowercase().contains("date") {
                    dates.push(name.clone());
                }
                rest.retain(|other| other != known);
            }
            if !data.is_empty() {
                told.push(self.filled(record, (form.number, &form.name), data, &dates)?);
            }
        }
        if !rest.is_empty() {
            let named = |name: &str| Some((name.to_owned(), Json::from(filled.get(name)?)));
            let data = rest.into_iter().filter_map(named).collect();
            told.push(self.filled(record, (0, BESIDE), data, &[])?);
        }
        Ok(told)
    }

    fn filled(
        &self,
        record: &Record,
        (form, name): (i64, &str),
        data: Map<String, Json>,
        dates: &[String],
    ) -> Outcome<Json> {
        let hash = sha256(&[b"blotter form data\0", &record.id.bytes(), &form.to_be_bytes()]).to_string();
        Ok(json!({
            "id": &hash[..24],
            "active": true,
            "entityId": self.number(record.id)?,
            "formId": form,
            "formName": name,
            "dateFields": if dates.is_empty() { Json::Null } else { json!(dates) },
            "data": Json::Object(data).to_string(),
            "organizationId": self.guest.organization,
            "officeId": self.guest.office.1,
            "visibilityId": null,
        }))
    }
}

/// The form of what is filled in beside every other: its fields have our own names. Those are told that items have as members;
/// what else the agency writes there nobody has declared.
pub(in crate::lanes::safe) fn beside() -> Json {
    let known = [
        ("make", "Make"),
        ("model", "Model"),
        ("serial_number", "Serial number"),
    ];
    let fields = known.map(|(name, shown)| json!({"type": "text", "name": name, "displayName": shown}));
    json!({"id": 0, "name": BESIDE, "formType": "All", "active": true, "schema": json!({"fields": fields}).to_string()})
}
