//! The mapping file: which columns become which records. `data/nypd-hate-crime-complaints.toml` is a documented example.
//!
//! ```toml
//! format = "csv"                     # csv, json (an array of objects, or one object a line)
//! encoding = "utf-8"                 # or windows-1252, …; a byte that is not of it rejects its row
//! delimiter = ","
//! zone = "EST5EDT,M3.2.0,M11.1.0"    # for times without an offset: UTC, -05:00, a POSIX rule
//! required = ["Id", "Date"]          # a row in which one of these is empty is rejected
//!
//! [maps.law]                         # for `{Law | map law}`
//! otherwise = "reject"               # keep, sentence, title: what becomes of a value that is not below
//! values = { "FELONY" = "high" }
//!
//! [[record]]                         # each row becomes these records, in this order
//! name = "case"                      # so that its own data and later records can say {@case}: its external id
//! kind = "case"
//! external_id = "{Id}"
//! repeat_id = "{Id}/{Arrest}"        # where an earlier row took that id; without it the row is a duplicate, rejected
//! when = "Id"                        # only where that column is not empty
//! once = false                       # true: made by the first row that goes in with its external id, and by no other
//! data = { title = "{Title | sentence}", opened_at = "{Closed ?? Opened | date %m/%d/%Y}" }
//! ```
//!
//! A text in `data` is a template. `{Column}` is the trimmed cell; `{A ?? B}` the first that is not empty; filters follow
//! after `|`: `squeeze lower upper capital sentence title slug number`, `default TEXT`, `map NAME`, `date FORMAT` (RFC 3339
//! in UTC), `day FORMAT` (a date alone), FORMAT as in strptime. A template whose places are all empty is left out.
//!
//! `repeat_id` looks at the rows before in the same file alone. Where one of several rows with one id was rejected, correct it
//! in the source and import that again: alone in the file of rejects it would take the id of the first, and change its record.

use std::collections::BTreeMap;

use encoding_rs::Encoding;
use jiff::tz::{Offset, TimeZone};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::template::{Row, Scope, Template, column_index};
use super::value_map::ValueMap;
use super::{BatchRow, Reason};

/// How the file is written.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A header line, then rows.
    #[default]
    Csv,
    /// One array of objects, or one object a line.
    Json,
}

/// A mapping file that can't be used, with everything that is wrong with it.
#[derive(Debug, thiserror::Error)]
#[error("the mapping can't be used: {}", .0.join("; "))]
pub struct MappingError(pub Vec<String>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MappingFile {
    #[serde(default)]
    format: Format,
    encoding: Option<String>,
    delimiter: Option<char>,
    zone: Option<String>,
    #[serde(default)]
    required: Vec<String>,
    #[serde(default)]
    maps: BTreeMap<String, ValueMap>,
    record: Vec<RecordFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordFile {
    name: Option<String>,
    kind: String,
    external_id: String,
    repeat_id: Option<String>,
    when: Option<String>,
    #[serde(default)]
    once: bool,
    data: toml::Table,
}

/// A mapping, checked and ready.
#[derive(Clone, Debug)]
pub struct Mapping {
    pub(super) format: Format,
    pub(super) encoding: &'static Encoding,
    pub(super) delimiter: u8,
    /// Every column that is named anywhere in it.
    pub(super) columns: Vec<String>,
    zone: TimeZone,
    required: Vec<usize>,
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    name: Option<String>,
    kind: String,
    external_id: Template,
    repeat_id: Option<Template>,
    when: Option<usize>,
    once: bool,
    data: Leaf,
}

#[derive(Clone, Debug)]
enum Leaf {
    Constant(Value),
    Text(Template),
    List(Vec<Leaf>),
    Table(Vec<(String, Leaf)>),
}

/// What a row's records need to know of the rows before it.
pub(super) trait Known {
    /// The line on which this kind and external id stood before.
    fn line_of(&self, kind: &str, external_id: &str) -> Option<u64>;
}

impl Mapping {
    /// Reads a mapping file.
    ///
    /// # Errors
    /// Everything that is wrong with it at once.
    pub fn parse(text: &str) -> Result<Self, MappingError> {
        let file: MappingFile =
            toml::from_str(text).map_err(|error| MappingError(vec![error.to_string().trim().to_owned()]))?;
        let mut faults = Vec::new();
        let mut columns = Vec::new();
        let required = file
            .required
            .iter()
            .map(|column| column_index(&mut columns, column))
            .collect();
        let mut rules = Vec::new();
        let mut names: Vec<String> = Vec::new();
        for record in file.record {
            if let Some(name) = &record.name {
                if names.contains(name) {
                    faults.push(format!("two records are named `{name}`"));
                }
                names.push(name.clone());
            }
            let mut scope = Scope {
                columns: &mut columns,
                maps: &file.maps,
                records: &names,
            };
            let rule = rule(&record, &mut scope, &mut faults);
            rules.extend(rule);
        }
        if rules.is_empty() && faults.is_empty() {
            faults.push("it has no [[record]]".into());
        }
        let mut checked = |found: Result<_, String>| found.map_err(|fault| faults.push(fault)).ok();
        let encoding = checked(encoding(file.encoding.as_deref()));
        let delimiter = match u8::try_from(file.delimiter.unwrap_or(',')) {
            Ok(byte) if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r') => byte,
            _ => {
                faults.push("the delimiter must be one ASCII character".into());
                b','
            }
        };
        let zone = zone(file.zone.as_deref())
            .map_err(|fault| faults.push(fault))
            .ok();
        match (encoding, zone) {
            (Some(encoding), Some(zone)) if faults.is_empty() => Ok(Self {
                format: file.format,
                encoding,
                delimiter,
                columns,
                zone,
                required,
                rules,
            }),
            _ => Err(MappingError(faults)),
        }
    }

    /// The form of the file that it reads.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The records of one row, whose cells stand in the order of [`Mapping::columns`].
    pub(super) fn records(&self, cells: &[String], known: &impl Known) -> Result<Vec<BatchRow>, Vec<Reason>> {
        let mut reasons = Vec::new();
        for &column in &self.required {
            if cells[column].trim().is_empty() {
                reasons.push(Reason::at(&self.columns[column], "it is empty"));
            }
        }
        let mut made = Vec::new();
        let mut names = BTreeMap::new();
        // Of what is missing everywhere for one cause, that cause is told.
        let mut is_told = !reasons.is_empty();
        for rule in &self.rules {
            if rule.when.is_some_and(|column| cells[column].trim().is_empty()) {
                continue;
            }
            let faults_before = reasons.len();
            let external_id = rule.external_id(&self.row(cells, &names), known, &mut reasons);
            if let (Some(name), Some(id)) = (&rule.name, &external_id) {
                names.insert(name.clone(), id.clone());
            }
            let data = rule.data.value(&self.row(cells, &names), &mut reasons);
            match external_id {
                Some(external_id) => made.push(BatchRow {
                    kind: rule.kind.clone(),
                    external_id,
                    data: data.unwrap_or_else(|| Value::Object(Map::new())),
                    once: rule.once,
                }),
                None if is_told || reasons.len() > faults_before => {}
                None => {
                    is_told = true;
                    reasons.push(Reason::row(format!("the {} has no external id", rule.kind)));
                }
            }
        }
        if reasons.is_empty() {
            Ok(made)
        } else {
            Err(reasons)
        }
    }

    fn row<'a>(&'a self, cells: &'a [String], records: &'a BTreeMap<String, String>) -> Row<'a> {
        Row {
            columns: &self.columns,
            cells,
            zone: &self.zone,
            records,
        }
    }
}

impl Rule {
    /// `None`: there is none, or it is taken; the latter is added to the reasons.
    fn external_id(&self, row: &Row, known: &impl Known, reasons: &mut Vec<Reason>) -> Option<String> {
        let external_id = self.external_id.render(row, reasons);
        if external_id.is_empty() {
            return None;
        }
        if self.once {
            return Some(external_id);
        }
        let Some(line) = known.line_of(&self.kind, &external_id) else {
            return Some(external_id);
        };
        let repeated = self
            .repeat_id
            .as_ref()
            .map(|template| template.render(row, reasons));
        if let Some(repeated) =
            repeated.filter(|id| !id.is_empty() && known.line_of(&self.kind, id).is_none())
        {
            return Some(repeated);
        }
        let shown: String = external_id.chars().take(80).collect();
        reasons.push(Reason::row(format!(
            "the {} `{shown}` stands on line {line} already",
            self.kind
        )));
        None
    }
}

impl Leaf {
    fn parse(value: &toml::Value, scope: &mut Scope, faults: &mut Vec<String>) -> Self {
        match value {
            toml::Value::String(text) => match Template::parse(text, scope) {
                Ok(template) => Self::Text(template),
                Err(fault) => {
                    faults.push(fault);
                    Self::Constant(Value::Null)
                }
            },
            toml::Value::Array(items) => Self::List(
                items
                    .iter()
                    .map(|item| Self::parse(item, scope, faults))
                    .collect(),
            ),
            toml::Value::Table(table) => Self::Table(
                table
                    .iter()
                    .map(|(key, value)| (key.clone(), Self::parse(value, scope, faults)))
                    .collect(),
            ),
            constant => Self::Constant(serde_json::to_value(constant).unwrap_or_default()),
        }
    }

    /// `None`: nothing of it has a value.
    fn value(&self, row: &Row, reasons: &mut Vec<Reason>) -> Option<Value> {
        match self {
            Self::Constant(value) => Some(value.clone()),
            Self::Text(template) => template.value(row, reasons),
            Self::List(items) => {
                let values: Vec<Value> = items.iter().filter_map(|item| item.value(row, reasons)).collect();
                (!values.is_empty()).then_some(Value::Array(values))
            }
            Self::Table(fields) => {
                let values: Map<String, Value> = fields
                    .iter()
                    .filter_map(|(key, leaf)| Some((key.clone(), leaf.value(row, reasons)?)))
                    .collect();
                (!values.is_empty()).then_some(Value::Object(values))
            }
        }
    }
}

fn rule(record: &RecordFile, scope: &mut Scope, faults: &mut Vec<String>) -> Option<Rule> {
    let mut template = |text: &str, scope: &mut Scope| {
        Template::parse(text, scope)
            .map_err(|fault| faults.push(fault))
            .ok()
    };
    let external_id = template(&record.external_id, scope);
    let repeat_id = record.repeat_id.as_deref().map(|text| template(text, scope));
    let data = Leaf::parse(&toml::Value::Table(record.data.clone()), scope, faults);
    Some(Rule {
        name: record.name.clone(),
        kind: record.kind.clone(),
        external_id: external_id?,
        repeat_id: repeat_id.flatten(),
        when: record
            .when
            .as_deref()
            .map(|column| column_index(scope.columns, column)),
        once: record.once,
        data,
    })
}

fn encoding(label: Option<&str>) -> Result<&'static Encoding, String> {
    let label = label.unwrap_or("utf-8");
    Encoding::for_label(label.as_bytes())
        .filter(|encoding| encoding.is_ascii_compatible())
        .ok_or_else(|| format!("`{label}` is not an encoding in which a comma is one byte"))
}

fn zone(text: Option<&str>) -> Result<TimeZone, String> {
    let text = text.unwrap_or("UTC");
    if text == "UTC" {
        return Ok(TimeZone::UTC);
    }
    fixed_offset(text)
        .map(TimeZone::fixed)
        .or_else(|| TimeZone::posix(text).ok())
        .ok_or_else(|| {
            format!("`{text}` is not a zone: UTC, -05:00, or a POSIX rule such as EST5EDT,M3.2.0,M11.1.0")
        })
}

/// `-05:00`.
fn fixed_offset(text: &str) -> Option<Offset> {
    let (sign, clock) = text
        .strip_prefix('-')
        .map_or((1, text.strip_prefix('+')), |clock| (-1, Some(clock)));
    let (hours, minutes) = clock?.split_once(':')?;
    let seconds = hours.parse::<i32>().ok()? * 3600 + minutes.parse::<i32>().ok().filter(|m| *m < 60)? * 60;
    Offset::from_seconds(sign * seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::{Mapping, MappingError};

    #[test]
    fn all_faults_of_a_mapping_are_told_at_once() {
        let MappingError(faults) = Mapping::parse(
            "encoding = 'utf-16'\nzone = 'Mars'\ndelimiter = 'ä'\n[[record]]\nkind = 'case'\nexternal_id = '{Id'\ndata = { title = '{A | sort}' }",
        )
        .unwrap_err();
        assert_eq!(faults.len(), 5, "{faults:?}");
    }

    #[test]
    fn an_unknown_key_is_a_fault() {
        let check = |text: &str, word: &str| {
            let MappingError(faults) = Mapping::parse(text).unwrap_err();
            assert!(faults[0].contains(word), "{faults:?}");
        };
        check(
            "colour = 1\n[[record]]\nkind = 'case'\nexternal_id = '{Id}'\ndata = {}",
            "colour",
        );
        check("record = []", "record");
    }

    #[test]
    fn zones_have_three_forms() {
        for zone in ["UTC", "-05:00", "+05:30", "EST5EDT,M3.2.0,M11.1.0"] {
            assert!(super::zone(Some(zone)).is_ok(), "{zone}");
        }
        assert!(super::zone(Some("nowhere")).is_err());
    }
}
