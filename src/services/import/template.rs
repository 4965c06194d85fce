//! Texts with places for columns: `Precinct {Complaint Precinct Code}`, `{Offense | map offense}`.

use std::collections::BTreeMap;

use jiff::civil::Time;
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::Reason;
use super::value_map::ValueMap;

/// Earlier dates are slips of the pen: no agency's records reach further back.
const YEAR_MIN: i16 = 1800;

/// A parsed text.
#[derive(Clone, Debug)]
pub(super) struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
enum Part {
    Text(String),
    /// The first of these columns that is not empty, sent through the filters.
    Columns(Vec<usize>, Vec<Filter>),
    /// The external id of an earlier record of the same row, by the record's name.
    Record(String),
}

#[derive(Clone, Debug)]
enum Filter {
    Squeeze,
    Lower,
    Upper,
    Capital,
    Sentence,
    Title,
    Slug,
    Number,
    Default(String),
    Date(String),
    Day(String),
    Map(String, ValueMap),
}

/// What a template is parsed against.
pub(super) struct Scope<'a> {
    /// All columns that the mapping names; grows as templates are parsed.
    pub(super) columns: &'a mut Vec<String>,
    pub(super) maps: &'a BTreeMap<String, ValueMap>,
    /// Names of this record and those before it.
    pub(super) records: &'a [String],
}

/// One row, as templates see it.
pub(super) struct Row<'a> {
    pub(super) columns: &'a [String],
    pub(super) cells: &'a [String],
    pub(super) zone: &'a TimeZone,
    /// What is wrong with its cells: a place that such a cell fills is empty, for that reason.
    pub(super) faults: &'a [Reason],
    /// External ids by the name of the record.
    pub(super) records: &'a BTreeMap<String, String>,
}

impl Template {
    /// Parses; `Err` says in words what is wrong.
    pub(super) fn parse(text: &str, scope: &mut Scope) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            if let Some(after) = rest.strip_prefix("{{").or_else(|| rest.strip_prefix("}}")) {
                plain.push(c);
                rest = after;
            } else if c == '{' {
                let (inside, after) = rest[1..]
                    .split_once('}')
                    .ok_or_else(|| format!("`{text}`: a brace is not closed"))?;
                if !plain.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut plain)));
                }
                parts.push(place(inside, scope).map_err(|fault| format!("`{text}`: {fault}"))?);
                rest = after;
            } else if c == '}' {
                return Err(format!("`{text}`: a brace is closed that was not opened"));
            } else {
                plain.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Self { parts })
    }

    /// The text for one row; every fault is added to `reasons`. Empty if it has places and all of them are empty.
    pub(super) fn render(&self, row: &Row, reasons: &mut Vec<Reason>) -> String {
        let mut text = String::new();
        let (mut places, mut filled) = (0, 0);
        for part in &self.parts {
            let value = match part {
                Part::Text(plain) => {
                    text.push_str(plain);
                    continue;
                }
                Part::Record(name) => row.records.get(name).cloned().unwrap_or_default(),
                Part::Columns(columns, filters) => render_place(columns, filters, row, reasons),
            };
            places += 1;
            filled += usize::from(!value.is_empty());
            text.push_str(&value);
        }
        if places > 0 && filled == 0 {
            String::new()
        } else {
            text
        }
    }

    /// Whether something of this row that `other` does not show is in the text. A text in which nothing is but what `other` shows
    /// says of every row what it is made to say.
    pub(super) fn differs_from(&self, other: &Self, row: &Row) -> bool {
        let shown = |columns: &Vec<usize>| {
            let mut parts = other.parts.iter();
            parts.any(|part| matches!(part, Part::Columns(theirs, _) if theirs == columns))
        };
        let mut further = self.parts.iter().filter_map(|part| match part {
            Part::Columns(columns, filters) if !shown(columns) => Some((columns, filters)),
            _ => None,
        });
        let is_filled = |(columns, filters): (&Vec<usize>, &Vec<Filter>)| {
            let mut faults = Vec::new();
            let is_empty = render_place(columns, filters, row, &mut faults).is_empty();
            // What can't be read may be anything.
            !is_empty || !faults.is_empty()
        };
        further.clone().next().is_none() || further.any(is_filled)
    }

    /// As JSON: text, a number if that is asked for, `None` if there is nothing.
    pub(super) fn value(&self, row: &Row, reasons: &mut Vec<Reason>) -> Option<Value> {
        let text = self.render(row, reasons);
        if text.is_empty() {
            return None;
        }
        match self.parts.as_slice() {
            [Part::Columns(columns, filters)] if matches!(filters.last(), Some(Filter::Number)) => {
                let number = serde_json::from_str(&text).ok().filter(Value::is_number);
                if number.is_none() {
                    reasons.push(Reason::at(
                        column_name(columns, row),
                        format!("`{}` is not a number", shown(&text)),
                    ));
                }
                number
            }
            _ => Some(Value::String(text)),
        }
    }
}

fn place(inside: &str, scope: &mut Scope) -> Result<Part, String> {
    let mut pieces = inside.split('|').map(str::trim);
    let source = pieces.next().unwrap_or_default();
    if let Some(name) = source.strip_prefix('@') {
        return if scope.records.iter().any(|known| known == name) {
            Ok(Part::Record(name.to_owned()))
        } else {
            Err(format!("neither this record nor one before it is named `{name}`"))
        };
    }
    let mut columns = Vec::new();
    for column in source.split("??").map(str::trim) {
        if column.is_empty() {
            return Err("a place names no column".into());
        }
        columns.push(column_index(scope.columns, column));
    }
    let filters = pieces
        .map(|piece| filter(piece, scope))
        .collect::<Result<_, _>>()?;
    Ok(Part::Columns(columns, filters))
}

/// The column's place in the mapping's own list, at the end of it if it is new.
pub(super) fn column_index(columns: &mut Vec<String>, column: &str) -> usize {
    columns
        .iter()
        .position(|known| known == column)
        .unwrap_or_else(|| {
            columns.push(column.to_owned());
            columns.len() - 1
        })
}

fn filter(piece: &str, scope: &Scope) -> Result<Filter, String> {
    let (name, argument) = piece.split_once(' ').unwrap_or((piece, ""));
    let argument = argument.trim();
    let plain = match name {
        "squeeze" => Some(Filter::Squeeze),
        "lower" => Some(Filter::Lower),
        "upper" => Some(Filter::Upper),
        "capital" => Some(Filter::Capital),
        "sentence" => Some(Filter::Sentence),
        "title" => Some(Filter::Title),
        "slug" => Some(Filter::Slug),
        "number" => Some(Filter::Number),
        _ => None,
    };
    match (name, argument, plain) {
        (_, "", Some(filter)) => Ok(filter),
        (name, _, Some(_)) => Err(format!("`{name}` takes no argument")),
        ("default" | "date" | "day" | "map", "", None) => Err(format!("`{name}` needs an argument")),
        ("default", text, None) => Ok(Filter::Default(text.to_owned())),
        ("date", format, None) => Ok(Filter::Date(format.to_owned())),
        ("day", format, None) => Ok(Filter::Day(format.to_owned())),
        ("map", map, None) => match scope.maps.get(map) {
            Some(values) => Ok(Filter::Map(map.to_owned(), values.clone())),
            None => Err(format!("there is no table [maps.{map}]")),
        },
        (name, _, None) => Err(format!("there is no filter `{name}`")),
    }
}

fn render_place(columns: &[usize], filters: &[Filter], row: &Row, reasons: &mut Vec<Reason>) -> String {
    let mut tell = |reason: Reason| {
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    };
    if let Some(fault) = row.faults.iter().find(|fault| names_one_of(fault, columns, row)) {
        tell(fault.clone());
        return String::new();
    }
    let mut value = columns
        .iter()
        .filter_map(|column| row.cells.get(*column))
        .map(|cell| cell.trim())
        .find(|cell| !cell.is_empty())
        .unwrap_or_default()
        .to_owned();
    for filter in filters {
        if value.is_empty() {
            if let Filter::Default(text) = filter {
                value.clone_from(text);
            }
            continue;
        }
        match apply(filter, &value, row.zone) {
            Ok(next) => value = next,
            Err(fault) => {
                tell(Reason::at(column_name(columns, row), fault));
                return String::new();
            }
        }
    }
    value
}

fn names_one_of(fault: &Reason, columns: &[usize], row: &Row) -> bool {
    let mut names = columns.iter().filter_map(|column| row.columns.get(*column));
    names.any(|name| fault.column.as_ref() == Some(name))
}

/// The column that gave the value.
fn column_name<'a>(columns: &[usize], row: &'a Row) -> &'a str {
    let filled = columns.iter().find(|column| {
        row.cells
            .get(**column)
            .is_some_and(|cell| !cell.trim().is_empty())
    });
    filled
        .or(columns.first())
        .and_then(|column| row.columns.get(*column))
        .map_or("", String::as_str)
}

fn apply(filter: &Filter, value: &str, zone: &TimeZone) -> Result<String, String> {
    Ok(match filter {
        Filter::Squeeze => value.split_whitespace().collect::<Vec<_>>().join(" "),
        Filter::Lower => value.to_lowercase(),
        Filter::Upper => value.to_uppercase(),
        Filter::Capital => capital(value),
        Filter::Sentence => sentence(value),
        Filter::Title => title(value),
        Filter::Slug => slug(value),
        Filter::Number | Filter::Default(_) => value.to_owned(),
        Filter::Date(format) => instant(value, format, zone)?,
        Filter::Day(format) => {
            let read = broken_down(value, format)?;
            read.to_date().map_err(|_| not_a_date(value, format))?.to_string()
        }
        Filter::Map(name, values) => values
            .look_up(value)
            .ok_or_else(|| format!("`{}` is not in the table [maps.{name}]", shown(value)))?,
    })
}

/// RFC 3339 in UTC with milliseconds; a local time is taken in the mapping's zone, a day without a time begins at midnight.
fn instant(value: &str, format: &str, zone: &TimeZone) -> Result<String, String> {
    let read = broken_down(value, format)?;
    let instant = if read.offset().is_some() {
        read.to_timestamp()
    } else {
        let local = match read.hour() {
            Some(_) => read.to_datetime(),
            None => read.to_date().map(|date| date.to_datetime(Time::midnight())),
        };
        local.and_then(|local| zone.to_timestamp(local))
    };
    instant
        .map(|instant| format!("{instant:.3}"))
        .map_err(|_| not_a_date(value, format))
}

fn broken_down(value: &str, format: &str) -> Result<BrokenDownTime, String> {
    BrokenDownTime::parse(format, value)
        .ok()
        .filter(|read| read.to_date().is_ok_and(|date| date.year() >= YEAR_MIN))
        .ok_or_else(|| not_a_date(value, format))
}

fn not_a_date(value: &str, format: &str) -> String {
    format!("`{}` is not a date of the form {format}", shown(value))
}

/// The beginning of a value, for a message.
fn shown(value: &str) -> String {
    let mut shown: String = value.chars().filter(|c| !c.is_control()).take(40).collect();
    if value.chars().count() > 40 {
        shown.push('…');
    }
    shown
}

fn capital(value: &str) -> String {
    let mut chars = value.chars();
    chars
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// First letter large, the rest small.
pub(super) fn sentence(value: &str) -> String {
    capital(&value.to_lowercase())
}

/// Every word's first letter large, the rest small.
pub(super) fn title(value: &str) -> String {
    let words: Vec<String> = value.split(' ').map(sentence).collect();
    words.join(" ")
}

fn slug(value: &str) -> String {
    let lower = value.to_lowercase();
    let words: Vec<&str> = lower
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    words.join("-")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::tz::TimeZone;
    use serde_json::json;

    use super::{Row, Scope, Template};

    const CELLS: &[(&str, &str)] = &[
        ("Id", "7"),
        ("Name", "  NEW YORK  "),
        ("Date", "07/04/2022"),
        ("Time", "2022-07-04 18:30"),
        ("Bad", "02/30/2022"),
        ("Empty", " "),
    ];

    fn render(text: &str) -> Result<String, String> {
        let mut columns = CELLS
            .iter()
            .map(|(column, _)| (*column).to_owned())
            .collect::<Vec<_>>();
        let maps = BTreeMap::from([(
            "place".to_owned(),
            toml::from_str("values = { 'NEW YORK' = 'Manhattan' }").unwrap(),
        )]);
        let mut scope = Scope {
            columns: &mut columns,
            maps: &maps,
            records: &["case".to_owned()],
        };
        let template = Template::parse(text, &mut scope)?;
        let cells: Vec<String> = CELLS.iter().map(|(_, cell)| (*cell).to_owned()).collect();
        let row = Row {
            columns: &columns,
            cells: &cells,
            zone: &TimeZone::posix("EST5EDT,M3.2.0,M11.1.0").unwrap(),
            faults: &[],
            records: &BTreeMap::from([("case".to_owned(), "C-7".to_owned())]),
        };
        let mut reasons = Vec::new();
        let value = template.value(&row, &mut reasons);
        match reasons.as_slice() {
            [] => Ok(value.map_or_else(String::new, |value| value.to_string())),
            [reason, ..] => Err(reason.to_string()),
        }
    }

    fn check(text: &str, expected: &str) {
        assert_eq!(render(text).unwrap(), json!(expected).to_string(), "{text}");
    }

    #[test]
    fn places_are_filled_and_filtered() {
        check("Precinct {Id}", "Precinct 7");
        check("{Name}", "NEW YORK");
        check("{Name | title}", "New York");
        check("{Name | map place}", "Manhattan");
        check("{Name | slug}/{Id}", "new-york/7");
        check("{{{Id}}}", "{7}");
        check("{Empty ?? Id}", "7");
        check("{Empty | default none}", "none");
        check("ext:{@case}", "ext:C-7");
        assert_eq!(render("{Id | number}").unwrap(), "7");
        assert_eq!(render("x {Empty}").unwrap(), "");
    }

    #[test]
    fn dates_are_taken_in_the_zone_of_the_mapping() {
        check("{Date | date %m/%d/%Y}", "2022-07-04T04:00:00.000Z");
        check("{Time | date %Y-%m-%d %H:%M}", "2022-07-04T22:30:00.000Z");
        check("{Date | day %m/%d/%Y}", "2022-07-04");
    }

    #[test]
    fn faults_name_the_column() {
        let check = |text, expected: &str| assert_eq!(render(text).unwrap_err(), expected);
        check(
            "{Bad | date %m/%d/%Y}",
            "Bad: `02/30/2022` is not a date of the form %m/%d/%Y",
        );
        check("{Id | map place}", "Id: `7` is not in the table [maps.place]");
        check("{Name | number}", "Name: `NEW YORK` is not a number");
        check("{Id", "`{Id`: a brace is not closed");
        check("{Id | sort}", "`{Id | sort}`: there is no filter `sort`");
        check(
            "{@person}",
            "`{@person}`: neither this record nor one before it is named `person`",
        );
    }
}
