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
//! repeat_id = "{Id}/{Arrest}"        # where an earlier row took that id; without it, or with an empty Arrest, the row is a
//!                                    # duplicate, rejected
//! when = "Id"                        # only where that column is not empty
//! once = false                       # true: made by the first row that goes in with its external id, and by no other
//! data = { title = "{Title | sentence}", opened_at = "{Closed ?? Opened | date %m/%d/%Y}" }
//! ```
//!
//! A text in `data` is a template. `{Column}` is the trimmed cell; `{A ?? B}` the first that is not empty; filters follow
//! after `|`: `squeeze lower upper capital sentence title slug number`, `default TEXT`, `map NAME`, `date FORMAT` (RFC 3339
//! in UTC), `day FORMAT` (a date alone), FORMAT as in strptime. A template whose places are all empty is left out.
//!
//! Which of several rows with one id has the plain id and which the `repeat_id` is settled by the order of the source, where a
//! rejected row keeps its place. The ids that were taken before it stand beside it in the file of rejects (`taken_ids`), so that
//! it gets its own from there too. Where a row was rejected because its id could not be read, that is not known: it is corrected
//! in the source, or the id that others have is written into `taken_ids`, as `case 42`.

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
    /// Where this kind and external id stood before, in words.
    fn place_of(&self, kind: &str, external_id: &str) -> Option<String>;
}

/// What one row becomes.
#[derive(Default)]
pub(super) struct Mapped {
    /// Those whose external id could be made out; all of them if there are no reasons.
    pub(super) records: Vec<BatchRow>,
    /// Why it becomes nothing.
    pub(super) reasons: Vec<Reason>,
    /// Kind and external id of the records that have a `repeat_id`: theirs even if the row is rejected.
    pub(super) settled: Vec<(String, String)>,
    /// The kind and external id that its records would have had, were it not for the rows before.
    pub(super) taken: Vec<(String, String)>,
}

/// Why a record has no external id.
enum NoId {
    /// There is nothing to make it of.
    Missing,
    /// The reasons tell it.
    Told,
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
        let encoding = told(encoding(file.encoding.as_deref()), &mut faults);
        let delimiter = told(delimiter(file.delimiter), &mut faults);
        let zone = told(zone(file.zone.as_deref()), &mut faults);
        match (encoding, delimiter, zone) {
            (Some(encoding), Some(delimiter), Some(zone)) if faults.is_empty() => Ok(Self {
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

    /// What one row becomes, whose cells stand in the order of [`Mapping::columns`] and have these faults.
    pub(super) fn mapped(&self, cells: &[String], faults: &[Reason], known: &impl Known) -> Mapped {
        let mut mapped = Mapped {
            reasons: faults.to_vec(),
            ..Mapped::default()
        };
        for &column in &self.required {
            if cells[column].trim().is_empty() {
                let reason = Reason::at(&self.columns[column], "it is empty");
                mapped.reasons.push(reason);
            }
        }
        let mut names = BTreeMap::new();
        // Of what is missing everywhere for one cause, that cause is told.
        let mut is_told = !mapped.reasons.is_empty();
        for rule in &self.rules {
            if rule.when.is_some_and(|column| cells[column].trim().is_empty()) {
                continue;
            }
            let faults_before = mapped.reasons.len();
            let external_id = rule.external_id(&self.row(cells, faults, &names), known, &mut mapped);
            if let (Some(name), Ok(id)) = (&rule.name, &external_id) {
                names.insert(name.clone(), id.clone());
            }
            let data = rule
                .data
                .value(&self.row(cells, faults, &names), &mut mapped.reasons);
            match external_id {
                Ok(external_id) => mapped.records.push(BatchRow {
                    kind: rule.kind.clone(),
                    external_id,
                    data: data.unwrap_or_else(|| Value::Object(Map::new())),
                    once: rule.once,
                }),
                Err(NoId::Missing) if !is_told && mapped.reasons.len() == faults_before => {
                    is_told = true;
                    let reason = format!("the {} has no external id", rule.kind);
                    mapped.reasons.push(Reason::row(reason));
                }
                Err(_) => is_told = true,
            }
        }
        mapped
    }

    fn row<'a>(
        &'a self,
        cells: &'a [String],
        faults: &'a [Reason],
        records: &'a BTreeMap<String, String>,
    ) -> Row<'a> {
        Row {
            columns: &self.columns,
            cells,
            zone: &self.zone,
            faults,
            records,
        }
    }
}

impl Rule {
    /// Reasons and ids that are taken are added to what the row becomes.
    fn external_id(&self, row: &Row, known: &impl Known, mapped: &mut Mapped) -> Result<String, NoId> {
        let plain = made_out(&self.external_id, row, &mut mapped.reasons)?;
        if self.once {
            return Ok(plain);
        }
        let Some(place) = known.place_of(&self.kind, &plain) else {
            self.settle(&plain, mapped);
            return Ok(plain);
        };
        mapped.taken.push((self.kind.clone(), plain.clone()));
        let repeated = self.repeat_id.as_ref();
        let (mut own, mut place) = (plain, place);
        if let Some(template) = repeated.filter(|template| template.differs_from(&self.external_id, row)) {
            match made_out(template, row, &mut mapped.reasons) {
                Ok(repeated) => {
                    let Some(repeated_place) = known.place_of(&self.kind, &repeated) else {
                        self.settle(&repeated, mapped);
                        return Ok(repeated);
                    };
                    mapped.taken.push((self.kind.clone(), repeated.clone()));
                    (own, place) = (repeated, repeated_place);
                }
                Err(NoId::Told) => return Err(NoId::Told),
                Err(NoId::Missing) => {}
            }
        }
        let shown: String = own.chars().take(80).collect();
        let reason = format!("the {} `{shown}` stands {place} already", self.kind);
        mapped.reasons.push(Reason::row(reason));
        Err(NoId::Told)
    }

    fn settle(&self, external_id: &str, mapped: &mut Mapped) {
        if self.repeat_id.is_some() {
            mapped.settled.push((self.kind.clone(), external_id.to_owned()));
        }
    }
}

/// An id of which every cell is sound.
fn made_out(template: &Template, row: &Row, reasons: &mut Vec<Reason>) -> Result<String, NoId> {
    let mut faults = Vec::new();
    let id = template.render(row, &mut faults);
    if faults.is_empty() {
        return if id.is_empty() { Err(NoId::Missing) } else { Ok(id) };
    }
    for fault in faults {
        if !reasons.contains(&fault) {
            reasons.push(fault);
        }
    }
    Err(NoId::Told)
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

fn told<T>(found: Result<T, String>, faults: &mut Vec<String>) -> Option<T> {
    found.map_err(|fault| faults.push(fault)).ok()
}

fn encoding(label: Option<&str>) -> Result<&'static Encoding, String> {
    let label = label.unwrap_or("utf-8");
    Encoding::for_label(label.as_bytes())
        .filter(|encoding| encoding.is_ascii_compatible())
        .ok_or_else(|| format!("`{label}` is not an encoding in which a comma is one byte"))
}

fn delimiter(given: Option<char>) -> Result<u8, String> {
    u8::try_from(given.unwrap_or(','))
        .ok()
        .filter(|byte| byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r'))
        .ok_or_else(|| "the delimiter must be one ASCII character".to_owned())
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
