//! Import: the bundled file as a whole, and files with damaged rows.

mod damaged;
mod nypd;
mod repeated;
mod shapes;

use std::io::Read;

use blotter::services::import::{Import, Limits, Mapping, Outcome, Rejected, SourceRow, open};

/// A small mapping for made-up files.
const MAPPING: &str = r#"
required = ["Id", "Date"]
[[record]]
name = "office"
kind = "office"
once = true
external_id = "office-{Office | slug}"
data = { name = "{Office}" }
[[record]]
name = "case"
kind = "case"
external_id = "{Id}"
data = { title = "{Title}", occurred_at = "{Date | date %m/%d/%Y}", office = "ext:{@office}", count = "{Count | number}" }
"#;

fn opened<R: Read>(mapping: &str, source: R) -> Import<R> {
    let mapping = Mapping::parse(mapping).expect("the mapping is sound");
    open(mapping, source, Limits::default()).expect("the file has its columns")
}

fn read_all<R: Read>(import: Import<R>) -> (Vec<SourceRow>, Vec<Rejected>) {
    let (mut ready, mut rejected) = (Vec::new(), Vec::new());
    for outcome in import {
        match outcome.expect("the file can be read") {
            Outcome::Ready(row) => ready.push(row),
            Outcome::Rejected(row) => rejected.push(row),
        }
    }
    (ready, rejected)
}
