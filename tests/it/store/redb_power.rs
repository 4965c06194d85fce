//! redb over our disk when power is lost: the last durable commit, or the one in flight.

use std::path::Path;

use blotter::store::database::backend::open_database;
use blotter::store::disk::Disk;
use redb::{Database, Durability, ReadableDatabase, ReadableTable, TableDefinition};

use crate::support::power::{Dice, PowerDisk};
use crate::support::scale;

const ROWS: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("rows");
/// Makes the file grow and shrink.
const BULK: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("bulk");

/// Losses of power a seed.
const LOSSES: u64 = 5;

type Failure = Box<dyn std::error::Error>;

fn open(disk: &PowerDisk) -> Result<Database, Failure> {
    let dir = Path::new("/data");
    disk.create_dir_all(dir)?;
    Ok(open_database(
        disk,
        &dir.join("views.redb"),
        Database::builder().set_cache_size(1 << 20),
    )?)
}

/// The number that row 0 and all others carry; they were written by one transaction, so they agree.
fn version(database: &Database) -> Result<u64, Failure> {
    let transaction = database.begin_read()?;
    let table = match transaction.open_table(ROWS) {
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(0),
        other => other?,
    };
    let mut found = None;
    for row in table.iter()? {
        let version = u64::from_le_bytes(row?.1.value()[..8].try_into()?);
        assert!(
            *found.get_or_insert(version) == version,
            "rows of two transactions"
        );
    }
    Ok(found.unwrap_or(0))
}

fn write(database: &Database, version: u64, dice: &mut Dice, durable: bool) -> Result<(), Failure> {
    let mut transaction = database.begin_write()?;
    if !durable {
        transaction.set_durability(Durability::None)?;
    } else if dice.one_in(2) {
        transaction.set_two_phase_commit(true);
        transaction.set_quick_repair(true);
    }
    {
        let mut table = transaction.open_table(ROWS)?;
        let mut value = vec![7; 8 + dice.below(600) as usize];
        value[..8].copy_from_slice(&version.to_le_bytes());
        for row in 0..8 {
            table.insert(row, value.as_slice())?;
        }
        let mut bulk = transaction.open_table(BULK)?;
        if dice.one_in(6) {
            bulk.retain(|_, _| false)?;
        } else {
            bulk.insert(version, vec![7; dice.below(60_000) as usize].as_slice())?;
        }
    }
    transaction.commit()?;
    Ok(())
}

#[test]
fn redb_keeps_its_durable_commits() {
    let seeds = 150 * scale();
    for seed in 0..seeds {
        let mut dice = Dice::new(seed ^ 0x8EDB);
        let mut disk = PowerDisk::new(seed);
        let (mut durable, mut newest) = (0, 0);
        for _ in 0..LOSSES {
            // Often early: while it is opened, and repaired.
            let early = dice.one_in(2);
            disk.cut_at(1 + dice.below(if early { 25 } else { 150 }));
            let mut run = || -> Result<(), Failure> {
                let database = open(&disk)?;
                let found = version(&database)?;
                assert!(
                    (durable..=newest).contains(&found),
                    "seed {seed}: {found} not in {durable}..={newest}"
                );
                newest = found;
                loop {
                    let synced = dice.one_in(3);
                    newest += 1;
                    write(&database, newest, &mut dice, synced)?;
                    if synced {
                        durable = newest;
                    }
                }
            };
            let failure = run().expect_err("the loop ends with the power");
            assert!(disk.is_out(), "seed {seed}: {failure}");
            disk = disk.reboot();
        }
        let database = open(&disk).unwrap_or_else(|failure| panic!("seed {seed}: {failure}"));
        let found = version(&database).unwrap();
        assert!(
            (durable..=newest).contains(&found),
            "seed {seed}: {found} not in {durable}..={newest}"
        );
    }
    println!("redb: {seeds} seeds, {LOSSES} losses of power each");
}
