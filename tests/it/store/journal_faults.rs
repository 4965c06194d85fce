//! The journal on a disk that fails: nothing is acknowledged falsely, and it opens again.

use std::sync::Arc;

use blotter::store::journal::{Journal, JournalError};

use super::model::{Words, open, read_all};
use crate::support::faulty::{Fault, FaultyDisk, Touch};
use crate::support::power::{Dice, PowerDisk};

const EIO: i32 = 5;
const ENOSPC: i32 = 28;

/// Runs sixteen commits with this fault. Gives whether the fault came up.
fn run(fault: Fault, power_is_lost: bool) -> bool {
    let mut dice = Dice::new(fault.nth ^ 0xFA01);
    let power = PowerDisk::new(fault.nth);
    // Something is there before, so that opening has work to do.
    let (mut journal, _) = open(power.clone(), None).expect("an empty disk opens");
    let mut acknowledged = Vec::new();
    for _ in 0..6 {
        let words = Words::throw(&mut dice);
        words.append(&mut journal).expect("a healthy disk takes it");
        acknowledged.push(words);
    }
    drop(journal);
    let disk = FaultyDisk::new(Arc::new(power.clone()), fault);
    let mut doubtful = None;
    match open(disk.clone(), None) {
        Ok((mut journal, _)) => doubtful = commit(&mut journal, &mut dice, &mut acknowledged, fault),
        Err(JournalError::Full) => assert_eq!(fault.errno, ENOSPC),
        Err(JournalError::Io(_) | JournalError::Unsynced(_)) => {}
        Err(error) => panic!("{fault:?}: {error}"),
    }
    disk.repair();
    let after = if power_is_lost { power.reboot() } else { power };
    let (journal, _) = open(after, None).unwrap_or_else(|error| panic!("{fault:?}: {error}"));
    let found: Vec<Words> = read_all(&journal).into_iter().map(|(words, _)| words).collect();
    if found != acknowledged {
        acknowledged.extend(doubtful);
        assert!(
            found == acknowledged,
            "{fault:?}: what is there is not what was acknowledged"
        );
    }
    disk.failed()
}

/// Sixteen commits; gives the one whose sync failed.
fn commit(
    journal: &mut Journal,
    dice: &mut Dice,
    acknowledged: &mut Vec<Words>,
    fault: Fault,
) -> Option<Words> {
    let mut doubtful = None;
    for _ in 0..16 {
        let words = Words::throw(dice);
        match words.append(journal) {
            Ok(_) => {
                assert!(doubtful.is_none(), "{fault:?}: acknowledged after a failed sync");
                acknowledged.push(words);
            }
            Err(JournalError::Unsynced(_)) => doubtful = Some(words),
            Err(JournalError::Poisoned) => assert!(journal.is_poisoned()),
            Err(JournalError::Full) => assert_eq!(fault.errno, ENOSPC),
            Err(JournalError::Io(_)) => assert_eq!(fault.errno, EIO),
            Err(error) => panic!("{fault:?}: {error}"),
        }
    }
    doubtful
}

#[test]
fn no_fault_leads_to_a_false_word_or_a_journal_that_does_not_open() {
    let mut runs = 0;
    for touch in [
        Touch::Open,
        Touch::Read,
        Touch::Write,
        Touch::Length,
        Touch::Sync,
        Touch::Name,
    ] {
        for errno in [EIO, ENOSPC] {
            for (sticky, power_is_lost) in [(false, false), (false, true), (true, false), (true, true)] {
                let mut nth = 1;
                while run(
                    Fault {
                        touch,
                        nth,
                        errno,
                        sticky,
                    },
                    power_is_lost,
                ) {
                    nth += 1;
                    runs += 1;
                }
            }
        }
    }
    assert!(runs > 400, "only {runs} faults came up");
    println!("journal: {runs} faults of the disk");
}

#[test]
fn after_a_full_disk_the_journal_goes_on() {
    let fault = Fault {
        touch: Touch::Write,
        nth: 4,
        errno: ENOSPC,
        sticky: true,
    };
    let disk = FaultyDisk::new(Arc::new(PowerDisk::new(0)), fault);
    let (mut journal, _) = open(disk.clone(), None).unwrap();
    let words = Words::throw(&mut Dice::new(3));
    words.append(&mut journal).unwrap();
    assert!(matches!(words.append(&mut journal), Err(JournalError::Full)));
    assert!(matches!(words.append(&mut journal), Err(JournalError::Full)));
    disk.repair();
    words.append(&mut journal).unwrap();
    assert_eq!(read_all(&journal).len(), 2);
    assert!(!journal.is_poisoned());
}

#[test]
fn after_a_failed_sync_nothing_is_acknowledged_any_more() {
    let fault = Fault {
        touch: Touch::Sync,
        nth: 5,
        errno: EIO,
        sticky: false,
    };
    let disk = FaultyDisk::new(Arc::new(PowerDisk::new(0)), fault);
    let (mut journal, _) = open(disk.clone(), None).unwrap();
    let words = Words::throw(&mut Dice::new(3));
    let mut kept = 0;
    let failure = loop {
        match words.append(&mut journal) {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(failure, JournalError::Unsynced(_)));
    for _ in 0..3 {
        assert!(matches!(words.append(&mut journal), Err(JournalError::Poisoned)));
        assert!(matches!(journal.erase(&[]), Err(JournalError::Poisoned)));
    }
    // Readers never see the group whose sync failed.
    assert_eq!(read_all(&journal).len(), kept);
}
