//! What a change takes: the forms that routes publish, as input types, and what was given back in the words of those forms.

use std::collections::BTreeMap;

use async_graphql::dynamic::{InputObject, InputValue, TypeRef};
use serde_json::{Map, Value as Json};

use crate::lanes::graphql::schema::{Book, camel, pascal};

/// How what was given becomes what a route takes.
#[derive(Clone, Debug)]
pub(super) enum Form {
    /// It stays as it is.
    Plain,
    /// Each member of a list.
    List(Box<Form>),
    /// Members by their names here: their names there, and their forms.
    Object(BTreeMap<String, (String, Form)>),
}

impl Form {
    /// In the words of the route.
    pub(super) fn translate(&self, given: Json) -> Json {
        match (self, given) {
            (Self::List(form), Json::Array(list)) => {
                list.into_iter().map(|one| form.translate(one)).collect()
            }
            (Self::Object(members), Json::Object(given)) => {
                let told = given.into_iter().map(|(name, value)| match members.get(&name) {
                    Some((own, form)) => (own.clone(), form.translate(value)),
                    None => (name, value),
                });
                Json::Object(told.collect())
            }
            (_, given) => given,
        }
    }

    /// The path of a member, as the route names it after `data`, in the words of the input.
    pub(super) fn path_here(&self, path: &str) -> String {
        let mut form = Some(self);
        let segments = path.split('.').map(|segment| {
            let (name, places) = segment.split_at(segment.find('[').unwrap_or(segment.len()));
            let members = match form {
                Some(Self::Object(members)) => Some(members),
                _ => None,
            };
            let known = members.and_then(|members| members.iter().find(|(_, (own, _))| own == name));
            form = known.map(|(_, (_, form))| form);
            for _ in places.matches('[') {
                form = match form {
                    Some(Self::List(inner)) => Some(inner),
                    _ => None,
                };
            }
            format!("{}{places}", known.map_or(name, |(here, _)| here))
        });
        segments.collect::<Vec<_>>().join(".")
    }
}

/// The members of an input type that has this JSON Schema; nothing must be there unless `strict`.
pub(super) fn members(
    book: &mut Book,
    name: &str,
    schema: &Json,
    strict: bool,
) -> (Vec<InputValue>, BTreeMap<String, (String, Form)>) {
    let nothing = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&nothing);
    let required: Vec<&str> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Json::as_str)
        .collect();
    let (mut values, mut forms) = (Vec::new(), BTreeMap::new());
    for (own, schema) in properties {
        let here = camel(own);
        let (ty, form) = type_of(book, &format!("{name}{}", pascal(own)), schema);
        let ty = match strict && required.contains(&own.as_str()) {
            true => TypeRef::NonNull(Box::new(ty)),
            false => ty,
        };
        let mut value = InputValue::new(&here, ty);
        if let Some(about) = about(schema) {
            value = value.description(about);
        }
        values.push(value);
        forms.insert(here, (own.clone(), form));
    }
    (values, forms)
}

fn about(schema: &Json) -> Option<String> {
    let words = schema["enum"].as_array().map(|words| {
        let words: Vec<&str> = words.iter().filter_map(Json::as_str).collect();
        format!("One of {}.", words.join(", "))
    });
    let about = schema["description"].as_str().map(str::to_owned);
    match (about, words) {
        (Some(about), Some(words)) => Some(format!("{about} {words}")),
        (about, words) => about.or(words),
    }
}

/// The type for a JSON Schema. What may be of several types, or of any, is JSON.
fn type_of(book: &mut Book, name: &str, schema: &Json) -> (TypeRef, Form) {
    let types: Vec<&str> = match &schema["type"] {
        Json::String(one) => vec![one.as_str()],
        Json::Array(several) => several
            .iter()
            .filter_map(Json::as_str)
            .filter(|ty| *ty != "null")
            .collect(),
        _ => Vec::new(),
    };
    let plain = |ty: &str| (TypeRef::named(ty), Form::Plain);
    match types.as_slice() {
        ["string"] => plain(match schema["format"].as_str() {
            Some("date-time") => "DateTime",
            Some("date") => "Date",
            _ => TypeRef::STRING,
        }),
        ["string", "integer"] => plain(TypeRef::ID),
        ["integer"] => {
            let fits = |bound: &str| {
                schema[bound]
                    .as_i64()
                    .is_none_or(|bound| i32::try_from(bound).is_ok())
            };
            plain(if fits("minimum") && fits("maximum") {
                TypeRef::INT
            } else {
                "Long"
            })
        }
        ["number"] => plain(TypeRef::FLOAT),
        ["boolean"] => plain(TypeRef::BOOLEAN),
        ["array"] => {
            let (inner, form) = type_of(book, name, &schema["items"]);
            let inner = TypeRef::NonNull(Box::new(inner));
            (TypeRef::List(Box::new(inner)), Form::List(Box::new(form)))
        }
        ["object"]
            if schema["properties"]
                .as_object()
                .is_some_and(|members| !members.is_empty()) =>
        {
            let (values, forms) = members(book, name, schema, true);
            let name = format!("{name}Input");
            let input = values
                .into_iter()
                .fold(InputObject::new(&name), InputObject::field);
            book.add_input(name.clone(), input);
            (TypeRef::named(name), Form::Object(forms))
        }
        _ => plain("JSON"),
    }
}

/// What a route answers, its names as they are written here. Free JSON stays as it is.
pub(super) fn told(json: Json) -> Json {
    const FREE: [&str; 4] = ["attributes", "form_data", "schema", "translations"];
    match json {
        Json::Array(list) => list.into_iter().map(told).collect(),
        Json::Object(members) => {
            let members = members
                .into_iter()
                .map(|(name, value)| match FREE.contains(&name.as_str()) {
                    true => (camel(&name), value),
                    false => (camel(&name), told(value)),
                });
            Json::Object(members.collect())
        }
        plain => plain,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::Form;

    #[test]
    fn faults_are_named_in_the_words_of_the_input() {
        let object = |members: Vec<(&str, &str, Form)>| {
            let members = members.into_iter();
            let members = members.map(|(here, own, form)| (here.to_owned(), (own.to_owned(), form)));
            Form::Object(members.collect::<BTreeMap<_, _>>())
        };
        let inner = object(vec![("validFrom", "valid_from", Form::Plain)]);
        let form = object(vec![
            ("caseNumber", "case_number", Form::Plain),
            ("sameAs", "same_as", Form::List(Box::new(inner))),
            ("formData", "form_data", Form::Plain),
        ]);
        let check = |path: &str, expected: &str| assert_eq!(form.path_here(path), expected);
        check("case_number", "caseNumber");
        check("same_as[3].valid_from", "sameAs[3].validFrom");
        check("form_data.case_number[0]", "formData.case_number[0]");
        check("not_known", "not_known");
    }
}
