//! The form of `data/demo.toml`.

use serde::Deserialize;

use super::photo::Scene;

/// A reference and a word about it.
pub(super) type Link = (String, String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Script {
    pub(super) office: Vec<Office>,
    pub(super) user: Vec<User>,
    pub(super) unit: Vec<Unit>,
    pub(super) category: Vec<Category>,
    pub(super) watchlist: Vec<Watchlist>,
    pub(super) entity: Vec<Entity>,
    pub(super) case: Vec<Case>,
    pub(super) report: Vec<Report>,
    /// What comes in while somebody looks.
    pub(super) later: Vec<Report>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Office {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) number: u32,
    pub(super) address: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct User {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) email: String,
    pub(super) role: String,
    pub(super) badge: String,
    pub(super) office: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Unit {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) position: Option<toml::Table>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Category {
    pub(super) id: String,
    pub(super) text: String,
    pub(super) children: Vec<Link>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Watchlist {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) purpose: String,
    pub(super) owner: String,
    pub(super) severity: String,
    pub(super) expires: String,
    pub(super) handling: String,
    pub(super) entries: Vec<toml::Table>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entity {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) risk: Option<String>,
    pub(super) attributes: toml::Table,
    #[serde(default)]
    pub(super) related: Vec<Link>,
    #[serde(default)]
    pub(super) tags: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) status: String,
    pub(super) priority: String,
    pub(super) offense: String,
    pub(super) description: String,
    pub(super) occurred: String,
    pub(super) office: String,
    pub(super) place: Option<toml::Table>,
    pub(super) tags: Vec<String>,
    pub(super) classification: Option<String>,
    pub(super) review: Option<String>,
    pub(super) team: Vec<Link>,
    pub(super) entities: Vec<Link>,
    pub(super) timeline: Vec<Moment>,
    #[serde(default)]
    pub(super) notes: Vec<String>,
    #[serde(default)]
    pub(super) evidence: Vec<Evidence>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Moment {
    pub(super) at: String,
    pub(super) text: String,
    pub(super) severity: String,
    pub(super) source: String,
    /// How far the time may be off.
    pub(super) within: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Evidence {
    pub(super) id: String,
    pub(super) r#type: String,
    pub(super) description: String,
    pub(super) category: String,
    pub(super) recovered: String,
    pub(super) by: String,
    pub(super) location: String,
    pub(super) place: Option<toml::Table>,
    pub(super) form_data: Option<toml::Table>,
    #[serde(default)]
    pub(super) photos: Vec<Photo>,
    pub(super) custody: Vec<Custody>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Custody {
    pub(super) at: String,
    pub(super) action: String,
    pub(super) by: String,
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
    pub(super) place: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) note: Option<String>,
    pub(super) witness: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Photo {
    pub(super) scene: Scene,
    pub(super) caption: String,
    pub(super) at: String,
    pub(super) name: String,
    pub(super) latitude: f64,
    pub(super) longitude: f64,
    pub(super) direction: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Report {
    pub(super) id: String,
    pub(super) description: String,
    pub(super) longitude: f64,
    pub(super) latitude: f64,
    pub(super) category: String,
    pub(super) subcategory: String,
    pub(super) mode: Option<String>,
    pub(super) reporter: toml::Table,
    pub(super) status: String,
    pub(super) case: Option<String>,
    #[serde(default)]
    pub(super) photos: Vec<Photo>,
    #[serde(default)]
    pub(super) chat: Vec<Message>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Message {
    pub(super) text: String,
    pub(super) label: Option<String>,
}
