//! Categories of reports: a tree of words for everybody, records for administrators.

use serde_json::{Value as Json, json};

use crate::domain::kind::CATEGORY;
use crate::lanes::http::answer::Answer;
use crate::lanes::http::ask::Ask;
use crate::lanes::http::route::{Route, Schema};
use crate::lanes::rest::{history, records, schemas};
use crate::services::reports::categories::Category;

/// The tree, also under the path that older clients call; make, read and change one.
pub(super) fn routes() -> Vec<Route> {
    let tree = Route::get(
        "/v1/categories",
        "The categories of reports, in the control center's language or the caller's",
    )
    .group("reports")
    .reads(&CATEGORY)
    .gives(200, Schema::Json(schemas::categories))
    .answer(|lanes, ask| {
        let languages = match lanes.options.language.as_str() {
            "" => wanted_languages(ask),
            language => vec![language.to_owned()],
        };
        let languages: Vec<&str> = languages.iter().map(String::as_str).collect();
        let tree = lanes.services.categories(ask.caller()?)?;
        let words = tree.iter().map(|category| category_json(category, &languages));
        Ok(Answer::data(words.collect::<Vec<_>>()))
    });
    let mut routes = vec![tree.also_at("/categories"), tree];
    routes.extend(records::readable(&CATEGORY, "reports").pop());
    routes.extend([
        records::make(&CATEGORY, "reports"),
        records::change(&CATEGORY, "reports"),
        records::put(&CATEGORY, "reports"),
        history::of(&CATEGORY, "reports"),
    ]);
    routes
}

fn category_json(category: &Category, languages: &[&str]) -> Json {
    let mut json = json!({"id": category.id, "text": category.text_in(languages)});
    if !category.children.is_empty() {
        let children = category.children.iter();
        json["children"] = children.map(|child| category_json(child, languages)).collect();
    }
    json
}

/// The tags of `Accept-Language` (RFC 9110 § 12.5.4), the most wanted first.
fn wanted_languages(ask: &Ask) -> Vec<String> {
    let header = ask.head.header("accept-language").unwrap_or_default();
    let mut wanted: Vec<(f32, String)> = header
        .split(',')
        .filter_map(|part| {
            let (tag, quality) = part.split_once(';').unwrap_or((part, "q=1"));
            let quality: f32 = quality.trim().strip_prefix("q=")?.parse().ok()?;
            let tag = tag.trim();
            (quality > 0.0 && !tag.is_empty() && tag != "*").then(|| (quality, tag.to_owned()))
        })
        .take(20)
        .collect();
    wanted.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    wanted.into_iter().map(|(_, tag)| tag).collect()
}
