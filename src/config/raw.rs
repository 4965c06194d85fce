//! What was typed, and where: the text of each setting from file and environment, not yet parsed. Names that don't
//! exist are found here.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::settings::SECTIONS;
use crate::config::{Fault, Origin};

const PREFIX: &str = "BLOTTER_";
/// Variables that the command line reads.
const OF_THE_COMMAND_LINE: [&str; 2] = ["BLOTTER_DATA", "BLOTTER_CONFIG"];
/// How alike two names must be, from 0 to 1, to suggest one for the other.
const ALIKE_MIN: f64 = 0.7;

/// The typed text of settings by section and key.
#[derive(Default, Debug)]
pub(super) struct RawConfig(BTreeMap<(String, String), (String, Origin)>);

impl RawConfig {
    pub(super) fn text(&self, section: &str, key: &str) -> Option<&str> {
        self.found(section, key).map(|(text, _)| text.as_str())
    }

    pub(super) fn origin(&self, section: &str, key: &str) -> Origin {
        self.found(section, key)
            .map_or(Origin::Default, |(_, origin)| origin.clone())
    }

    fn found(&self, section: &str, key: &str) -> Option<&(String, Origin)> {
        self.0.get(&(section.to_owned(), key.to_owned()))
    }

    #[cfg(test)]
    pub(super) fn set(&mut self, section: &str, key: &str, text: &str) {
        self.0.insert(
            (section.to_owned(), key.to_owned()),
            (text.to_owned(), Origin::Default),
        );
    }

    /// Takes up a TOML file.
    pub(super) fn add_file(&mut self, file: &str, text: &str, faults: &mut Vec<Fault>) {
        let place = |at: usize| {
            let line = 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
            Origin::File {
                file: file.to_owned(),
                line,
            }
        };
        let (sections, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            faults.extend(errors.iter().map(|error| {
                let origin = place(error.span().map_or(0, |span| span.start));
                Fault {
                    origin,
                    what: error.message().to_owned(),
                }
            }));
            return;
        }
        // The parser's map is in the order of names; faults are told in that of lines.
        let mut sections: Vec<_> = sections.get_ref().iter().collect();
        sections.sort_by_key(|(name, _)| name.span().start);
        for (section, content) in sections {
            let origin = place(section.span().start);
            let name = section.get_ref().as_ref();
            if !SECTIONS.iter().any(|known| known.name == name) {
                let what = format!("there is no section {name}");
                let names = SECTIONS.iter().map(|known| known.name.to_owned());
                faults.push(Fault {
                    origin,
                    what: with_near_miss(what, name, names),
                });
            } else if let DeValue::Table(settings) = content.get_ref() {
                self.add_section(name, settings, place, faults);
            } else {
                faults.push(Fault {
                    origin,
                    what: format!("{name} is a section: write [{name}]"),
                });
            }
        }
    }

    fn add_section(
        &mut self,
        section: &str,
        settings: &DeTable<'_>,
        place: impl Fn(usize) -> Origin,
        faults: &mut Vec<Fault>,
    ) {
        let mut settings: Vec<_> = settings.iter().collect();
        settings.sort_by_key(|(key, _)| key.span().start);
        for (key, value) in settings {
            let origin = place(key.span().start);
            let key = key.get_ref().as_ref();
            let full = format!("{section}.{key}");
            if !names().any(|(known, name)| known == section && name == key) {
                let what = format!("there is no setting {full}");
                let names = names().map(|(section, key)| format!("{section}.{key}"));
                faults.push(Fault {
                    origin,
                    what: with_near_miss(what, &full, names),
                });
                continue;
            }
            match text_of(value) {
                Ok(text) => {
                    _ = self
                        .0
                        .insert((section.to_owned(), key.to_owned()), (text, origin))
                }
                Err(form) => faults.push(Fault {
                    origin,
                    what: format!("{full} can't be a {form}"),
                }),
            }
        }
    }

    /// Takes up the environment, which wins over what is there.
    pub(super) fn add_variables(
        &mut self,
        variables: impl IntoIterator<Item = (String, String)>,
        faults: &mut Vec<Fault>,
    ) {
        let ours = variables.into_iter().filter(|(variable, _)| {
            variable.starts_with(PREFIX) && !OF_THE_COMMAND_LINE.contains(&variable.as_str())
        });
        for (variable, text) in ours {
            let origin = Origin::Environment {
                variable: variable.clone(),
            };
            match names().find(|(section, key)| variable_of(section, key) == variable) {
                Some((section, key)) => {
                    self.0
                        .insert((section.to_owned(), key.to_owned()), (text, origin));
                }
                None => {
                    let names = names().map(|(section, key)| variable_of(section, key));
                    let what = with_near_miss("there is no such setting".to_owned(), &variable, names);
                    faults.push(Fault { origin, what });
                }
            }
        }
    }
}

/// The variable of a setting.
pub(super) fn variable_of(section: &str, key: &str) -> String {
    format!("{PREFIX}{}_{}", section.to_uppercase(), key.to_uppercase())
}

fn names() -> impl Iterator<Item = (&'static str, &'static str)> {
    SECTIONS
        .iter()
        .flat_map(|section| section.settings.iter().map(|setting| (section.name, setting.key)))
}

/// The text of a TOML value as it would be typed in a variable, or what kind of value it is.
fn text_of(value: &Spanned<DeValue<'_>>) -> Result<String, &'static str> {
    match value.get_ref() {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Boolean(value) => Ok(value.to_string()),
        DeValue::Integer(number) => i128::from_str_radix(number.as_str(), number.radix())
            .map(|number| number.to_string())
            .map_err(|_| "number of that size"),
        DeValue::Array(items) => {
            let texts: Result<Vec<_>, _> = items.iter().map(text_of).collect();
            texts.map(|texts| texts.join(","))
        }
        other => Err(other.type_str()),
    }
}

/// Adds the most alike of the names, if one is alike enough.
fn with_near_miss(what: String, typed: &str, names: impl Iterator<Item = String>) -> String {
    let alike = |name: &String| strsim::normalized_damerau_levenshtein(typed, name);
    let best = names.max_by(|a, b| alike(a).total_cmp(&alike(b)));
    match best.filter(|name| alike(name) >= ALIKE_MIN) {
        Some(name) => format!("{what}; did you mean {name}?"),
        None => what,
    }
}
