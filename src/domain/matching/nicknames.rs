//! The table of given names (and a few family names that are romanised in many ways) that stand for one another.

use std::collections::HashMap;
use std::sync::OnceLock;

const TABLE: &str = include_str!("nicknames.tsv");

/// What the table knows of two names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// They stand in one group.
    Related,
    /// Both are in the table, in no common group: however alike they look, they are different names.
    Distinct,
    /// At least one is not in the table.
    Unknown,
}

/// What the table knows of two folded names.
pub fn relation(left: &str, right: &str) -> Relation {
    match (table().groups.get(left), table().groups.get(right)) {
        (Some(of_left), Some(of_right)) => {
            if of_left.iter().any(|group| of_right.contains(group)) {
                Relation::Related
            } else {
                Relation::Distinct
            }
        }
        _ => Relation::Unknown,
    }
}

/// The other names of a folded name, each once.
pub fn related(name: &str) -> Vec<&'static str> {
    let table = table();
    let groups = table.groups.get(name).map(Vec::as_slice).unwrap_or_default();
    let mut names: Vec<&str> = groups
        .iter()
        .flat_map(|group| table.names[usize::from(*group)].iter().copied())
        .filter(|other| *other != name)
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The groups in which a folded name stands: names are related if they share one.
pub fn groups_of(name: &str) -> &'static [u16] {
    table().groups.get(name).map(Vec::as_slice).unwrap_or_default()
}

/// The groups of the table, for tests and for made-up persons.
pub fn groups() -> &'static [Vec<&'static str>] {
    &table().names
}

struct Table {
    names: Vec<Vec<&'static str>>,
    groups: HashMap<&'static str, Vec<u16>>,
}

fn table() -> &'static Table {
    static PARSED: OnceLock<Table> = OnceLock::new();
    PARSED.get_or_init(|| {
        let mut table = Table {
            names: Vec::new(),
            groups: HashMap::new(),
        };
        for line in TABLE
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty())
        {
            let group = u16::try_from(table.names.len()).expect("the table has fewer than 65,536 lines");
            let names: Vec<&str> = line.split_whitespace().collect();
            for name in &names {
                let of_name = table.groups.entry(name).or_default();
                if !of_name.contains(&group) {
                    of_name.push(group);
                }
            }
            table.names.push(names);
        }
        table
    })
}

#[cfg(test)]
mod tests {
    use super::{Relation, groups, related, relation};

    #[test]
    fn names_of_a_group_are_related() {
        let check = |left: &str, right: &str, expected: Relation| {
            assert_eq!(relation(left, right), expected, "{left} / {right}");
        };
        check("katherine", "katya", Relation::Related);
        check("mohammed", "mehmet", Relation::Related);
        check("maria", "mario", Relation::Distinct);
        check("maria", "zzyzx", Relation::Unknown);
        assert!(related("bob").contains(&"robert"));
    }

    #[test]
    fn the_table_is_folded() {
        for name in groups().iter().flatten() {
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase()), "{name}");
        }
    }
}
