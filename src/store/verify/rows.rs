//! Rows against those of a fold from nothing, table by table.

use redb::Durability;

use crate::store::commit::logs::Logs;
use crate::store::commit::replay;
use crate::store::database::{Database, Direction, Read, Rows, Snapshot};
use crate::store::error::StoreError;
use crate::store::identity::Identity;
use crate::store::journal::{JournalReader, Position};
use crate::store::session::Fold;
use crate::store::tables::Table;
use crate::store::verify::{Report, Stage};

/// Folds the journal into an empty database, comparing it with the rows at the place that they reach, and gives it.
pub(super) fn verify(
    database: Database,
    fold: Fold,
    journal: &JournalReader,
    rows: Option<&Snapshot>,
    report: &mut Report,
    progress: &mut dyn FnMut(Stage),
) -> Result<Database, StoreError> {
    let mut logs = {
        let transaction = database.begin(Durability::None)?;
        // Nobody writes here, so whose logs are its own makes no difference.
        Logs::open(&Identity::generate()?, &Rows::open(&transaction)?, [0; 16])?
    };
    let end = journal.end();
    let reached = rows
        .map(|rows| replay::reached(rows, fold))
        .transpose()?
        .flatten();
    let mut operations = 0;
    let mut from = Position::START;
    if let Some(reached) = reached.filter(|reached| *reached > end) {
        // What is missing would show as rows that differ, in every table.
        let told = format!(
            "the journal ends at {end}, and before {reached}, which was durable: what was written between them is lost here; \
             bring the node back from its newest backup (`blotter restore`)"
        );
        report.faults.insert(0, told);
    } else if let (Some(rows), Some(reached)) = (rows, reached) {
        let mut pause = |folded| {
            progress(Stage::Fold(folded));
            Ok(())
        };
        operations = replay::replay(journal, (from, reached), &database, &mut logs, fold, &mut pause)?;
        if operations == 0 {
            replay::start(&database, fold, reached)?;
        }
        from = reached;
        report.rows = Some(compare(rows, &database.snapshot()?, report)?);
    } else if rows.is_some() {
        report
            .faults
            .push("the views are of other rules than this program's".into());
    }
    let mut pause = |folded| {
        progress(Stage::Fold(operations + folded));
        Ok(())
    };
    replay::replay(journal, (from, end), &database, &mut logs, fold, &mut pause)?;
    Ok(database)
}

fn compare(rows: &Snapshot, folded: &Snapshot, report: &mut Report) -> Result<u64, StoreError> {
    let mut compared = 0;
    for table in Table::ALL {
        let (mut found, mut expected) = (0_u64, 0_u64);
        let mut differing = None;
        let mut failed = None;
        rows.scan(table, &[], &[], Direction::Up, &mut |key, row| {
            found += 1;
            match folded.get(table, key) {
                Ok(Some(other)) if other == row => return true,
                Ok(_) => differing = Some(key.to_vec()),
                Err(error) => failed = Some(error),
            }
            false
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
        folded.scan(table, &[], &[], Direction::Up, &mut |_, _| {
            expected += 1;
            true
        })?;
        let name = table.name();
        if let Some(key) = differing {
            let key: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
            report.faults.push(format!(
                "views: a fold from nothing has another row {key} in {name}"
            ));
        } else if found != expected {
            report.faults.push(format!(
                "views: {name} has {found} rows, a fold from nothing {expected}"
            ));
        }
        compared += found;
    }
    Ok(compared)
}
