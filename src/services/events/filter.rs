//! Which events somebody wants: types by pattern, cases, persons and things, from a severity on.

use crate::domain::event::{self, Severity};
use crate::domain::id::RecordId;
use crate::services::events::Notice;
use crate::services::failure::{Failure, Fault, Outcome};

/// A filter as it was said.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Types; `*` stands for anything. None: all.
    pub types: Vec<String>,
    /// Cases, by number or id. None: all.
    pub cases: Vec<String>,
    /// Persons and things, by number or id. None: all.
    pub entities: Vec<String>,
    /// The least severity.
    pub min_severity: Option<String>,
}

/// A filter that was checked.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    types: Vec<String>,
    cases: Vec<Called>,
    entities: Vec<Called>,
    least: Severity,
}

/// What a record is called in a filter.
#[derive(Clone, Debug)]
enum Called {
    Id(RecordId),
    /// In letters of any case.
    Number(String),
}

impl Called {
    fn new(said: String) -> Self {
        said.parse().map_or(Self::Number(said), Self::Id)
    }

    fn means(&self, (id, number): &(RecordId, String)) -> bool {
        match self {
            Self::Id(own) => own == id,
            Self::Number(own) => own.eq_ignore_ascii_case(number),
        }
    }
}

/// Types, cases or entities in one filter, at most.
const WANTED_MAX: usize = 200;

impl Filter {
    /// Checks a filter.
    ///
    /// # Errors
    /// `Invalid`, naming all that is wrong: a pattern that no type has, a word that is no severity, too many.
    pub fn new(wanted: Wanted) -> Outcome<Self> {
        let mut faults = Vec::new();
        let types = event::types();
        for pattern in &wanted.types {
            if !types.iter().any(|(name, _)| matches(pattern, name)) {
                faults.push(Fault::wrong(
                    "filter.eventTypes",
                    format!("no such type of event: {:?}", clipped(pattern)),
                ));
            }
        }
        for (name, list) in [
            ("filter.eventTypes", &wanted.types),
            ("filter.caseIds", &wanted.cases),
            ("filter.entityIds", &wanted.entities),
        ] {
            if list.len() > WANTED_MAX {
                faults.push(Fault::wrong(name, format!("at most {WANTED_MAX}")));
            }
        }
        let least = wanted
            .min_severity
            .as_deref()
            .map_or(Ok(Severity::Info), str::parse);
        let least = least.unwrap_or_else(|_| {
            let words = Severity::WORDS.join(", ");
            faults.push(Fault::wrong("filter.minSeverity", format!("one of {words}")));
            Severity::Info
        });
        if faults.is_empty() {
            Ok(Self {
                types: wanted.types,
                cases: wanted.cases.into_iter().map(Called::new).collect(),
                entities: wanted.entities.into_iter().map(Called::new).collect(),
                least,
            })
        } else {
            Err(Failure::Invalid(faults))
        }
    }

    /// Whether the event is wanted.
    pub fn takes(&self, notice: &Notice) -> bool {
        let Self {
            types,
            cases,
            entities,
            least,
        } = self;
        let mut of_cases = notice.case.iter().chain(&notice.more_cases);
        let names = |wanted: &[Called], one| wanted.iter().any(|called| called.means(one));
        notice.severity >= *least
            && (types.is_empty() || types.iter().any(|pattern| matches(pattern, &notice.name)))
            && (cases.is_empty() || of_cases.any(|case| names(cases, case)))
            && (entities.is_empty() || notice.entities.iter().any(|entity| names(entities, entity)))
    }
}

/// A pattern's parts around its stars, in their order.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(mut name) = name.strip_prefix(head) else {
        return false;
    };
    let (middle, tail) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in middle.split('*').filter(|part| !part.is_empty()) {
        match name.find(part) {
            Some(at) => name = &name[at + part.len()..],
            None => return false,
        }
    }
    name.ends_with(tail)
}

fn clipped(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::{Filter, Wanted, matches};

    #[test]
    fn a_star_stands_for_anything() {
        let table = [
            ("case.*", "case.opened", true),
            ("case.*", "case.alert.priority_raised", true),
            ("case.*", "casework", false),
            ("*", "report.received", true),
            ("*_added", "timeline.entry_added", true),
            ("evidence.*.attached", "evidence.file.attached", true),
            ("*.custody.*", "evidence.custody.moved", true),
            ("*.custody.*", "evidence.file.attached", false),
            ("case.opened", "case.opened", true),
            ("case.open", "case.opened", false),
            ("**", "x", true),
            ("", "x", false),
        ];
        for (pattern, name, expected) in table {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn what_nothing_can_match_is_refused_by_name() {
        let wrong = Filter::new(Wanted {
            types: vec!["case.*".into(), "casse.*".into()],
            min_severity: Some("grave".into()),
            ..Wanted::default()
        });
        let told = format!("{:?}", wrong.unwrap_err());
        assert!(told.contains("casse") && told.contains("minSeverity"), "{told}");
        assert!(Filter::new(Wanted::default()).is_ok());
    }
}
