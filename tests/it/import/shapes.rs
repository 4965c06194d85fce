//! What the mapping and the demo make fits the tables of the record kinds: every field is known, of its shape, and every
//! field that must be there is there.

use blotter::domain::kind::{Member, Shape, Writer, kind};
use blotter::domain::operation::Merge;
use blotter::domain::time::Millis;
use blotter::services::demo::{Step, steps};
use blotter::services::import::BatchRow;
use serde_json::Value;

/// Everything that does not fit, each with its path.
fn faults(row: &BatchRow) -> Vec<String> {
    let Some(kind) = kind(&row.kind) else {
        return vec![format!("{} is no kind", row.kind)];
    };
    let mut faults = Vec::new();
    let fields = row.data.as_object().expect("data is an object");
    for (name, value) in fields {
        let path = format!("{} {}: {name}", row.kind, row.external_id);
        match kind
            .field(name)
            .filter(|field| matches!(field.writer, Writer::Client | Writer::Creator))
        {
            None => faults.push(format!("{path} is no field of a client")),
            Some(field) if field.merge == Merge::OrSet => {
                for item in value.as_array().expect("a set is a list") {
                    check(&path, item, field.shape, &mut faults);
                }
            }
            Some(field) => check(&path, value, field.shape, &mut faults),
        }
    }
    for field in kind
        .all_fields()
        .filter(|field| field.required && !fields.contains_key(field.name))
    {
        faults.push(format!(
            "{} {}: {} is missing",
            row.kind, row.external_id, field.name
        ));
    }
    faults
}

fn check(path: &str, value: &Value, shape: Shape, faults: &mut Vec<String>) {
    let text = value.as_str();
    let short = |max: usize| text.is_some_and(|text| (1..=max).contains(&text.chars().count()));
    let fits = match shape {
        Shape::Line(max) => short(max) && text.is_some_and(|text| !text.contains(char::is_control)),
        Shape::Text(max) => short(max),
        Shape::Choice(words) => text.is_some_and(|text| words.contains(&text)),
        Shape::Bool => value.is_boolean(),
        Shape::Int(min, max) => value.as_i64().is_some_and(|number| (min..=max).contains(&number)),
        Shape::Number(min, max) => value.as_f64().is_some_and(|number| (min..=max).contains(&number)),
        Shape::Time => text.is_some_and(|text| Millis::parse(text).is_some()),
        Shape::Day => text.is_some_and(|text| text.len() == 10),
        Shape::Phone => text.is_some_and(|text| text.starts_with('+')),
        Shape::Email => text.is_some_and(|text| text.contains('@')),
        Shape::Sha256 => false,
        Shape::Ref(_) => text.is_some_and(|text| text.starts_with("ext:")),
        Shape::Free(max) => value.to_string().len() <= max,
        Shape::List(item, max) => value.as_array().is_some_and(|items| {
            items.iter().for_each(|value| check(path, value, *item, faults));
            items.len() <= max
        }),
        Shape::Object(members) => {
            object(path, value, members, faults);
            value.is_object()
        }
    };
    if !fits {
        faults.push(format!("{path} can't be {value}"));
    }
}

fn object(path: &str, value: &Value, members: &[Member], faults: &mut Vec<String>) {
    for (name, value) in value.as_object().into_iter().flatten() {
        match members.iter().find(|member| member.name == name) {
            Some(member) => check(&format!("{path}.{name}"), value, member.shape, faults),
            None => faults.push(format!("{path}.{name} is no member")),
        }
    }
    for member in members
        .iter()
        .filter(|member| member.required && value.get(member.name).is_none())
    {
        faults.push(format!("{path}.{} is missing", member.name));
    }
}

#[test]
fn the_complaints_fit_the_record_kinds() {
    let rows = super::nypd::imported();
    let found: Vec<String> = rows
        .iter()
        .flat_map(|row| &row.records)
        .flat_map(faults)
        .collect();
    assert_eq!(found, [""; 0]);
}

#[test]
fn the_demo_fits_the_record_kinds() {
    let mut found = Vec::new();
    for step in steps("2026-07-04T16:00:00Z".parse().unwrap(), jiff::tz::TimeZone::UTC).unwrap() {
        match step {
            Step::Record(row) => found.extend(faults(&row)),
            Step::Report { mut row, .. } => {
                row.data["category"] = serde_json::json!({"category_id": 1, "subcategory_id": 2});
                found.extend(faults(&row));
            }
            Step::Custody { .. } | Step::Photo { .. } => {}
        }
    }
    assert_eq!(found, [""; 0]);
}
