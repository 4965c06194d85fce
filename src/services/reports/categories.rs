//! What a report can be about: two levels, made by the agency; a small set to begin with.

use std::sync::Arc;

use crate::domain::kind::CATEGORY;
use crate::domain::record::Record;
use crate::domain::value::{Fields, Value};
use crate::services::Services;
use crate::services::caller::Caller;
use crate::services::casebook::Listing;
use crate::services::desk::Desk;
use crate::services::failure::{Failure, Fault, Outcome};

/// A category with those that refine it.
#[derive(Clone, PartialEq, Debug)]
pub struct Category {
    /// Its number.
    pub id: i64,
    /// The record.
    pub record: Arc<Record>,
    /// Those that refine it.
    pub children: Vec<Category>,
}

impl Category {
    /// What it is called in the first of these languages that it has a name in, else in the control center's own.
    pub fn text_in<'c>(&'c self, languages: &[&str]) -> &'c str {
        let translations = self.record.get("translations");
        let named = |tag: &&str| -> Option<&'c str> {
            let primary = tag.split('-').next().unwrap_or(tag);
            let translations = translations?;
            translations
                .get(tag)
                .or_else(|| translations.get(primary))?
                .as_text()
        };
        let own = self.record.text("text").unwrap_or_default();
        languages.iter().find_map(named).unwrap_or(own)
    }
}

/// Name, then German, French and Spanish; those that refine it.
type Seed = ([&'static str; 4], &'static [[&'static str; 4]]);

const SEEDS: [Seed; 7] = [
    (
        ["Violence", "Gewalt", "Violence", "Violencia"],
        &[
            ["Assault", "Körperverletzung", "Agression", "Agresión"],
            ["Threat", "Drohung", "Menace", "Amenaza"],
            [
                "Domestic violence",
                "Häusliche Gewalt",
                "Violence domestique",
                "Violencia doméstica",
            ],
        ],
    ),
    (
        ["Theft", "Diebstahl", "Vol", "Robo"],
        &[
            ["Burglary", "Einbruch", "Cambriolage", "Robo en vivienda"],
            ["Vehicle", "Fahrzeug", "Véhicule", "Vehículo"],
            [
                "Pickpocketing or shoplifting",
                "Taschen- oder Ladendiebstahl",
                "Vol à la tire ou à l'étalage",
                "Hurto",
            ],
        ],
    ),
    (
        ["Traffic", "Verkehr", "Circulation", "Tráfico"],
        &[
            [
                "Accident with injuries",
                "Unfall mit Verletzten",
                "Accident avec blessés",
                "Accidente con heridos",
            ],
            [
                "Accident without injuries",
                "Unfall ohne Verletzte",
                "Accident sans blessés",
                "Accidente sin heridos",
            ],
            ["Obstruction", "Hindernis", "Obstacle", "Obstáculo"],
        ],
    ),
    (
        [
            "Person in need",
            "Person in Not",
            "Personne en détresse",
            "Persona en apuros",
        ],
        &[
            [
                "Missing person",
                "Vermisste Person",
                "Personne disparue",
                "Persona desaparecida",
            ],
            ["Medical", "Medizinisch", "Médical", "Médico"],
            ["Crisis", "Krise", "Crise", "Crisis"],
        ],
    ),
    (
        [
            "Public order",
            "Öffentliche Ordnung",
            "Ordre public",
            "Orden público",
        ],
        &[
            ["Noise", "Lärm", "Bruit", "Ruido"],
            ["Vandalism", "Sachbeschädigung", "Vandalisme", "Vandalismo"],
            ["Gathering", "Ansammlung", "Attroupement", "Aglomeración"],
        ],
    ),
    (
        ["Suspicion", "Verdacht", "Suspicion", "Sospecha"],
        &[
            ["Person", "Person", "Personne", "Persona"],
            ["Vehicle", "Fahrzeug", "Véhicule", "Vehículo"],
            ["Object", "Gegenstand", "Objet", "Objeto"],
        ],
    ),
    (["Other", "Anderes", "Autre", "Otro"], &[]),
];

fn seeded([text, german, french, spanish]: [&str; 4], parent: Option<&Record>) -> Fields {
    let translations = [("en", text), ("de", german), ("fr", french), ("es", spanish)];
    let translations = translations.map(|(tag, text)| (tag.to_owned(), Value::text(text)));
    let mut fields = Fields::from([
        ("text".to_owned(), Value::text(text)),
        ("translations".to_owned(), Value::Map(Fields::from(translations))),
    ]);
    fields.extend(parent.map(|parent| ("parent_id".to_owned(), Value::Id(parent.id))));
    fields
}

/// Makes the first categories of an agency.
///
/// # Errors
/// `Denied`.
pub(in crate::services) fn seed(desk: &mut Desk<'_, '_, '_>) -> Outcome<()> {
    for (name, children) in SEEDS {
        let parent = desk.create(&CATEGORY, seeded(name, None))?;
        for child in children {
            desk.create(&CATEGORY, seeded(*child, Some(&parent)))?;
        }
    }
    Ok(())
}

impl Services {
    /// Makes the first categories of an agency that has none. Says whether it did.
    ///
    /// # Errors
    /// `Denied`.
    pub fn seed_categories(&self, caller: &Caller) -> Outcome<bool> {
        let listing = Listing {
            limit: 1,
            ..Listing::default()
        };
        if !self.list(caller, &CATEGORY, &listing)?.records.is_empty() {
            return Ok(false);
        }
        self.write(caller, "create", None, seed)?;
        Ok(true)
    }

    /// The agency's categories that are in use, as a tree.
    ///
    /// # Errors
    /// `Denied`.
    pub fn categories(&self, caller: &Caller) -> Outcome<Vec<Category>> {
        const CATEGORIES_MAX: usize = 10_000;
        let listing = Listing {
            limit: CATEGORIES_MAX,
            ..Listing::default()
        };
        let records = self.list(caller, &CATEGORY, &listing)?.records;
        let (roots, children): (Vec<Arc<Record>>, Vec<Arc<Record>>) = records
            .into_iter()
            .filter(|record| !is_retired(record))
            .partition(|record| record.get("parent_id").is_none());
        let mut tree: Vec<Category> = roots.into_iter().filter_map(category).collect();
        for child in children {
            let parent = child.get("parent_id").and_then(Value::as_id);
            if let Some(parent) = tree.iter_mut().find(|root| Some(root.record.id) == parent) {
                parent.children.extend(category(child));
            }
        }
        Ok(tree)
    }
}

fn category(record: Arc<Record>) -> Option<Category> {
    let id = record.text("display_id")?.parse().ok()?;
    Some(Category {
        id,
        record,
        children: Vec::new(),
    })
}

fn is_retired(category: &Record) -> bool {
    category.get("retired").and_then(Value::as_bool) == Some(true)
}

/// What is wrong with a report's category beyond its shape: unknown, retired, or of another category.
pub(super) fn faults(desk: &Desk<'_, '_, '_>, given: Option<&Value>) -> Outcome<Vec<Fault>> {
    let number = |name: &str| given.and_then(|given| given.get(name)).and_then(Value::as_int);
    let Some(id) = number("category_id") else {
        return Ok(Vec::new());
    };
    let mut faults = Vec::new();
    let parent = known(desk, id)?.filter(|category| category.get("parent_id").is_none());
    if parent.is_none() {
        faults.push(Fault::wrong(
            "data.category.category_id",
            "the id of a category of /categories",
        ));
    }
    if let Some(id) = number("subcategory_id") {
        let child = known(desk, id)?;
        let of = child
            .as_ref()
            .and_then(|child| child.get("parent_id"))
            .and_then(Value::as_id);
        if of.is_none() || of != parent.map(|parent| parent.id) {
            let expected = "the id of one of the category's own children in /categories";
            faults.push(Fault::wrong("data.category.subcategory_id", expected));
        }
    }
    Ok(faults)
}

fn known(desk: &Desk<'_, '_, '_>, number: i64) -> Outcome<Option<Record>> {
    match desk.find(&CATEGORY, &number.to_string()) {
        Ok(category) if is_retired(&category) => Ok(None),
        Ok(category) => Ok(Some(category)),
        Err(Failure::Unknown(_)) => Ok(None),
        Err(failure) => Err(failure),
    }
}
