//! The journal when power is lost, again and again, also while it recovers.

use blotter::store::journal::{Journal, JournalError, Position};

use super::model::{Words, open, read_all};
use crate::support::power::{Dice, PowerDisk};
use crate::support::scale;

/// What the journal has said, against which it is held.
#[derive(Default)]
struct Promises {
    acknowledged: Vec<(Words, Vec<Position>)>,
    /// The group in flight when power was lost.
    doubtful: Option<Words>,
    /// The entries (by group and place) whose erasing was in flight.
    erasing: Vec<(usize, usize)>,
    /// Ends that were acknowledged.
    ends: Vec<Position>,
}

impl Promises {
    /// What was found is exactly what was acknowledged, or one group more.
    fn check(&mut self, journal: &Journal, seed: u64) {
        let mut found = read_all(journal);
        for (group, place) in &self.erasing {
            // Cut short, an erase has happened or not.
            let erasable = &mut found[*group].0.entries[*place].1;
            if erasable.is_none() {
                erasable.clone_from(&self.acknowledged[*group].0.entries[*place].1);
            }
        }
        let more = found.split_off(self.acknowledged.len().min(found.len()));
        assert!(
            found == self.acknowledged,
            "seed {seed}: what was acknowledged is not there as it was"
        );
        match (more.as_slice(), self.doubtful.take()) {
            ([], _) => {}
            ([one], Some(doubtful)) => assert!(one.0 == doubtful, "seed {seed}: a group that nobody wrote"),
            _ => panic!("seed {seed}: more groups than were ever written"),
        }
        self.acknowledged.extend(more);
        self.ends.push(journal.end());
    }

    /// Works until the power goes.
    fn work(&mut self, journal: &mut Journal, dice: &mut Dice) -> JournalError {
        if !self.erasing.is_empty() {
            let again = std::mem::take(&mut self.erasing);
            if let Err(error) = self.erase(journal, again) {
                return error;
            }
        }
        loop {
            if dice.one_in(6) && !self.acknowledged.is_empty() {
                let group = dice.below(self.acknowledged.len() as u64) as usize;
                let places = self.acknowledged[group].1.len();
                if let Err(error) = self.erase(journal, (0..places).map(|place| (group, place)).collect()) {
                    return error;
                }
            }
            let words = Words::throw(dice);
            match words.append(journal) {
                Ok(positions) => self.acknowledged.push((words, positions)),
                Err(error) => {
                    self.doubtful = Some(words);
                    return error;
                }
            }
            self.ends.push(journal.end());
        }
    }

    fn erase(&mut self, journal: &mut Journal, which: Vec<(usize, usize)>) -> Result<(), JournalError> {
        let positions: Vec<Position> = which
            .iter()
            .map(|(group, place)| self.acknowledged[*group].1[*place])
            .collect();
        let done = journal.erase(&positions);
        if done.is_err() {
            self.erasing = which;
            return done;
        }
        for (group, place) in which {
            self.acknowledged[group].0.entries[place].1 = None;
        }
        Ok(())
    }
}

#[test]
fn what_was_acknowledged_survives_every_loss_of_power() {
    let seeds = 2500 * scale();
    let (mut groups, mut torn, mut losses) = (0, 0, 0);
    for seed in 0..seeds {
        let mut dice = Dice::new(seed ^ 0xB107);
        let mut disk = PowerDisk::new(seed);
        let mut promises = Promises::default();
        for _ in 0..4 {
            disk.cut_at(
                1 + if dice.one_in(3) {
                    dice.below(5)
                } else {
                    dice.below(60)
                },
            );
            let known = dice.one_in(2).then(|| promises.ends.last().copied()).flatten();
            match open(disk.clone(), known) {
                Ok((mut journal, recovered)) => {
                    torn += u64::from(recovered.torn_bytes > 0);
                    promises.check(&journal, seed);
                    promises.work(&mut journal, &mut dice);
                }
                Err(error) => assert!(disk.is_out(), "seed {seed}: {error}"),
            }
            assert!(disk.is_out());
            disk = disk.reboot();
            losses += 1;
        }
        let (journal, recovered) = open(disk, None).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        torn += u64::from(recovered.torn_bytes > 0);
        promises.check(&journal, seed);
        groups += promises.acknowledged.len();
    }
    println!("journal: {seeds} seeds, {losses} losses of power, {torn} torn tails, {groups} groups kept");
    assert!(torn > seeds / 10, "the power was hardly ever cut in a commit");
}

#[test]
fn an_erased_payload_is_nowhere_on_the_disk() {
    let disk = PowerDisk::new(0);
    let (mut journal, _) = open(disk.clone(), None).unwrap();
    let secret = b"the name of the informant".repeat(300);
    let words = Words {
        entries: vec![(b"header".to_vec(), Some(secret))],
        seal: b"seal".to_vec(),
    };
    let positions = words.append(&mut journal).unwrap();
    words.append(&mut journal).unwrap();
    let holds = |disk: &PowerDisk| {
        let files = disk.files();
        files
            .iter()
            .filter(|(_, bytes)| bytes.windows(13).any(|part| part == b"the informant"))
            .count()
    };
    assert_eq!(holds(&disk), 2);
    journal.erase(&positions).unwrap();
    let disk = disk.reboot();
    assert_eq!(holds(&disk), 1);
    let (journal, _) = open(disk, None).unwrap();
    let all = read_all(&journal);
    assert_eq!(all[0].0.entries, [(b"header".to_vec(), None)]);
    assert_eq!(all[1].0, words);
}
