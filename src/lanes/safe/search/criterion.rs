//! Criteria over members of objects, by the ids that clients know.

use serde_json::Value as Json;

use crate::domain::matching::fold::composed;
use crate::domain::time::Millis;
use crate::lanes::safe::ask::{Reader, time_of};

/// Criteria of one search, at most.
const CRITERIA_MAX: usize = 50;

/// A value as clients write it.
pub(super) fn plain(json: &Json) -> String {
    match json {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A text as it is compared with another.
pub(super) fn compared(text: &str) -> String {
    composed(&text.to_lowercase()).into_owned()
}

/// One criterion.
pub(super) struct Criterion {
    pub(super) place: usize,
    pub(super) field: String,
    test: Test,
}

enum Test {
    Equals(String),
    Differs(String),
    Begins(String),
    Contains(String),
    Before(Millis),
    After(Millis),
    Between(Millis, Millis),
    Exactly(Millis, Millis),
    Number(i64, f64),
}

const DAY: i64 = 86_400_000;

/// The criteria of a body.
pub(super) fn criteria(given: &mut Reader<'_>, now: Millis) -> Vec<Criterion> {
    let Some(fields) = given.get("StaticFields") else {
        return Vec::new();
    };
    let Some(fields) = fields.as_array().filter(|fields| fields.len() <= CRITERIA_MAX) else {
        given.wrong(
            "StaticFields",
            format!("an array of at most {CRITERIA_MAX} criteria"),
        );
        return Vec::new();
    };
    let mut criteria = Vec::new();
    for (place, field) in fields.iter().enumerate() {
        let name = field["fieldname"].as_str().or_else(|| field["name"].as_str());
        let Some(name) = name else {
            given.missing(
                &format!("StaticFields[{place}].fieldName"),
                "the name of a member",
            );
            continue;
        };
        match test(field, now) {
            Ok(test) => criteria.push(Criterion {
                place,
                field: name.to_owned(),
                test,
            }),
            Err((member, expected)) => {
                given.wrong(&format!("StaticFields[{place}].{member}"), expected);
            }
        }
    }
    criteria
}

fn test(field: &Json, now: Millis) -> Result<Test, (&'static str, String)> {
    let model = plain(&field["model"]);
    let lower = compared(model.trim());
    let time = || time_of(&model).ok_or(("model", "a time".to_owned()));
    let number = || {
        model
            .trim()
            .parse::<f64>()
            .map_err(|_| ("model", "a number".to_owned()))
    };
    let days = || {
        let days = model
            .trim()
            .parse::<u32>()
            .map_err(|_| ("model", "a whole number of days".to_owned()))?;
        Ok(now.plus(-i64::from(days).saturating_mul(DAY)))
    };
    let id = &field["searchcriteria"];
    let criterion = id.as_i64().or_else(|| id.as_str()?.trim().parse().ok());
    Ok(match criterion {
        Some(0) => Test::Equals(lower),
        Some(1) => Test::Differs(lower),
        Some(2) => Test::Begins(lower),
        Some(25) => Test::Contains(lower),
        Some(6) => Test::Before(time()?),
        Some(7) => Test::After(time()?),
        Some(8) => {
            let until = time_of(&plain(&field["todate"])).ok_or(("toDate", "a time".to_owned()))?;
            Test::Between(time()?, until)
        }
        // A date alone is all of its day.
        Some(13) if model.trim().len() <= 10 => Test::Exactly(time()?, time()?.plus(DAY - 1)),
        Some(13) => Test::Exactly(time()?, time()?),
        Some(11) => Test::Before(days()?),
        Some(12) => Test::After(days()?),
        Some(id @ 14..=17) => Test::Number(id, number()?),
        _ => {
            let id = plain(id);
            return Err(("searchCriteria", format!("no such criterion: {id:.20}")));
        }
    })
}

/// What a value must at least be for a criterion to hold.
pub(super) enum Bound<'c> {
    /// This text, in lower case.
    Is(&'c str),
    /// A text that begins so, in lower case.
    Begins(&'c str),
    /// A text with this in it, in lower case.
    Contains(&'c str),
    /// A time from one to the other.
    Within(Millis, Millis),
}

impl Criterion {
    /// By what records can be looked up for which it may hold; `None` where it says nothing of the kind.
    pub(super) fn bound(&self) -> Option<Bound<'_>> {
        match &self.test {
            // What is empty may as well not be there.
            Test::Equals(text) | Test::Begins(text) | Test::Contains(text) if text.is_empty() => None,
            Test::Equals(text) => Some(Bound::Is(text)),
            Test::Begins(text) => Some(Bound::Begins(text)),
            Test::Contains(text) => Some(Bound::Contains(text)),
            Test::Before(last) => Some(Bound::Within(Millis(0), *last)),
            Test::After(first) => Some(Bound::Within(*first, Millis(i64::MAX))),
            Test::Between(first, last) | Test::Exactly(first, last) => Some(Bound::Within(*first, *last)),
            Test::Differs(_) | Test::Number(..) => None,
        }
    }

    /// Whether it holds for a value: of a list and of what has members, such as a tag, for one within; that it differs, for all.
    pub(super) fn holds(&self, value: Option<&Json>) -> bool {
        let holds = |one| self.holds(Some(one));
        let for_all = matches!(self.test, Test::Differs(_));
        // What a member of it lacks says nothing.
        let known = |one: &&Json| !one.is_null();
        match value.unwrap_or(&Json::Null) {
            Json::Array(list) if for_all => list.iter().all(holds),
            Json::Array(list) => list.iter().any(holds),
            Json::Object(map) if for_all => map.values().filter(known).all(holds),
            Json::Object(map) => map.values().filter(known).any(holds),
            one => self.holds_for(one),
        }
    }

    fn holds_for(&self, value: &Json) -> bool {
        let text = || compared(&plain(value));
        let time = || value.as_str().and_then(time_of);
        match &self.test {
            Test::Equals(wanted) => text() == *wanted,
            Test::Differs(wanted) => text() != *wanted,
            Test::Begins(wanted) => text().starts_with(wanted),
            Test::Contains(wanted) => text().contains(wanted),
            Test::Before(wanted) => time().is_some_and(|at| at < *wanted),
            Test::After(wanted) => time().is_some_and(|at| at > *wanted),
            Test::Between(first, last) | Test::Exactly(first, last) => {
                time().is_some_and(|at| (*first..=*last).contains(&at))
            }
            Test::Number(id, wanted) => {
                let number = value.as_f64().or_else(|| value.as_str()?.parse().ok());
                number.is_some_and(|number| match id {
                    14 => number < *wanted,
                    15 => number > *wanted,
                    16 => number <= *wanted,
                    _ => number >= *wanted,
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Criterion, test};
    use crate::domain::time::Millis;

    #[test]
    fn each_criterion_means_what_its_id_says() {
        let now = Millis::parse("2026-03-17T00:00:00Z").unwrap();
        let check = |id: i64, model: serde_json::Value, value: serde_json::Value, expected: bool| {
            let field = json!({"searchcriteria": id, "model": model, "todate": "2026-03-02T00:00:00Z"});
            let test = test(&field, now).unwrap();
            let one = Criterion {
                place: 0,
                field: String::new(),
                test,
            };
            assert_eq!(one.holds(Some(&value)), expected, "{id} {model} {value}");
        };
        check(0, json!("Drill"), json!("drill"), true);
        check(0, json!(5), json!([4, 5]), true);
        check(1, json!(5), json!([4, 5]), false);
        for (id, model, expected) in [
            (0, "T1", true),
            (0, "t", false),
            (1, "t1", false),
            (1, "t2", true),
            (25, "t1", true),
            (25, "name", false),
        ] {
            check(
                id,
                json!(model),
                json!([{"tagModelId": 7, "name": "t1", "by": null}]),
                expected,
            );
        }
        check(2, json!("dr"), json!("Drill"), true);
        check(25, json!("ill"), json!("Drill"), true);
        check(
            6,
            json!("2026-03-01T00:00:00Z"),
            json!("2026-02-28T00:00:00Z"),
            true,
        );
        check(
            7,
            json!("2026-03-01T00:00:00Z"),
            json!("2026-02-28T00:00:00Z"),
            false,
        );
        check(
            8,
            json!("2026-03-01T00:00:00Z"),
            json!("2026-03-01T12:00:00Z"),
            true,
        );
        check(11, json!(3), json!("2026-03-10T00:00:00Z"), true);
        check(12, json!(3), json!("2026-03-10T00:00:00Z"), false);
        for (id, expected) in [(14, false), (15, false), (16, true), (17, true)] {
            check(id, json!(5), json!(5), expected);
        }
        assert!(test(&json!({"searchcriteria": 3, "model": 1}), now).is_err());
        assert!(test(&json!({"searchcriteria": 6, "model": "soon"}), now).is_err());
    }
}
