//! The watchlists as they stand, in memory: every entry that counts, with the record that says it. Whether a list has expired
//! is not known here; that is asked when something matches.

use std::collections::{BTreeMap, HashMap};

use crate::domain::id::{RecordId, TenantId};
use crate::domain::kind::{WATCHLIST, WATCHLIST_ENTRY};
use crate::domain::record::{Record, SEALING};
use crate::domain::value::Value;
use crate::domain::watch::facts::Facts;
use crate::domain::watch::index::{Codes, Found, Index, Likely};
use crate::domain::watch::sought::{Sort, Sought};
use crate::services::failure::Outcome;
use crate::store::database::{Direction, Read};
use crate::store::error::StoreError;
use crate::views::index::Order;
use crate::views::records;

/// An entry that a record says, with whose it is.
#[derive(Clone, Debug)]
pub(super) struct Hit {
    /// The list.
    pub(super) list: RecordId,
    /// The record that holds the entry: the list itself, or a record of its own.
    pub(super) source: RecordId,
    /// What is looked for.
    pub(super) sought: Sought,
    /// How the record says it.
    pub(super) found: Found,
}

/// Where an entry is from.
#[derive(Clone, Copy, Debug)]
struct Origin {
    list: RecordId,
    source: RecordId,
}

/// The watchlists of one agency.
#[derive(Debug, Default)]
struct Agency {
    index: Index,
    /// By the place in the index.
    origins: Vec<Option<Origin>>,
    /// The places of what a record holds. One entry is a record of its own as a rule, so that needs no row.
    single: HashMap<RecordId, u32>,
    several: HashMap<RecordId, Vec<u32>>,
}

/// The watchlists of all agencies.
#[derive(Debug, Default)]
pub(super) struct Lists {
    agencies: BTreeMap<TenantId, Agency>,
    codes: Codes,
}

impl Lists {
    /// All that stand in the rows.
    pub(super) fn load(rows: &impl Read) -> Outcome<Self> {
        let mut lists = Self::default();
        for tenant in records::tenants(rows)? {
            for kind in [&WATCHLIST, &WATCHLIST_ENTRY] {
                let mut failed = None;
                let order = (Order::Created, Direction::Up);
                records::list(rows, (&tenant, kind), order, None, &mut |_, id| {
                    failed = lists.refresh(rows, id).err();
                    failed.is_none()
                })?;
                if let Some(failure) = failed {
                    return Err(failure.into());
                }
            }
        }
        for agency in lists.agencies.values_mut() {
            agency.index.settle();
        }
        Ok(lists)
    }

    /// Takes up what a list or an entry says by now.
    pub(super) fn refresh(&mut self, rows: &impl Read, id: RecordId) -> Result<(), StoreError> {
        let Some(record) = records::get(rows, id)? else {
            return Ok(());
        };
        let list = match record.kind == WATCHLIST.name {
            true => Some(record.id),
            false => record.get("watchlist_id").and_then(Value::as_id),
        };
        let agency = self.agencies.entry(record.tenant.clone()).or_default();
        agency.forget(id);
        for sought in list.map_or_else(Vec::new, |_| entries_of(&record)) {
            let origin = Origin {
                list: list.unwrap_or(id),
                source: id,
            };
            agency.take(origin, sought, &mut self.codes);
        }
        Ok(())
    }

    /// The agencies that look for something.
    pub(super) fn agencies(&self) -> impl Iterator<Item = &TenantId> {
        let looking = self
            .agencies
            .iter()
            .filter(|(_, agency)| !agency.index.is_empty());
        looking.map(|(tenant, _)| tenant)
    }

    /// Whether nobody looks for anything.
    pub(super) fn is_empty(&self) -> bool {
        self.agencies().next().is_none()
    }

    /// How many entries there are, and the memory that they take.
    pub(super) fn size(&self) -> (usize, usize) {
        let sizes = self
            .agencies
            .values()
            .map(|agency| (agency.index.len(), agency.bytes()));
        sizes.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1))
    }

    /// What of an agency's lists a record says.
    pub(super) fn find(&mut self, tenant: &TenantId, facts: &Facts, likely: Likely) -> Vec<Hit> {
        let Some(agency) = self.agencies.get(tenant) else {
            return Vec::new();
        };
        let found = agency.index.find(facts, likely, &mut self.codes).into_iter();
        let hits = found.filter_map(|found| {
            let origin = agency.origins.get(found.place as usize).copied().flatten()?;
            Some(Hit {
                list: origin.list,
                source: origin.source,
                sought: agency.index.get(found.place)?.clone(),
                found,
            })
        });
        hits.collect()
    }
}

impl Agency {
    fn take(&mut self, origin: Origin, sought: Sought, codes: &mut Codes) {
        let place = self.index.add(sought, codes);
        let at = place as usize;
        if self.origins.len() <= at {
            self.origins.resize(at + 1, None);
        }
        self.origins[at] = Some(origin);
        if origin.list == origin.source {
            self.several.entry(origin.source).or_default().push(place);
        } else {
            self.single.insert(origin.source, place);
        }
    }

    fn forget(&mut self, source: RecordId) {
        let several = self.several.remove(&source).unwrap_or_default();
        for place in several.into_iter().chain(self.single.remove(&source)) {
            self.index.remove(place);
            self.origins[place as usize] = None;
        }
    }

    /// The memory that they take, about.
    fn bytes(&self) -> usize {
        let single = self.single.capacity() * size_of::<(RecordId, u32)>();
        let several = self.several.capacity() * size_of::<(RecordId, Vec<u32>)>();
        self.index.bytes() + self.origins.capacity() * size_of::<Option<Origin>>() + single + several
    }
}

/// What a list or an entry looks for; nothing of one that a court has sealed.
fn entries_of(record: &Record) -> Vec<Sought> {
    if record.rank(SEALING) > 0 {
        return Vec::new();
    }
    if record.kind == WATCHLIST.name {
        let members = record.members("entries").into_iter();
        return members
            .filter_map(|member| sought(&|name| member.get(name)))
            .collect();
    }
    match record.text("status") {
        Some("active") | None => sought(&|name| record.get(name)).into_iter().collect(),
        Some(_) => Vec::new(),
    }
}

/// What a list says that it looks for.
pub(super) fn sought<'r>(says: &dyn Fn(&str) -> Option<&'r Value>) -> Option<Sought> {
    let text = |name: &str| says(name).and_then(Value::as_text);
    let aliases = says("aliases").map_or(&[][..], Value::as_list).iter();
    Some(Sought {
        sort: Sort::parse(text("type")?)?,
        value: text("value")?.into(),
        aliases: aliases.filter_map(Value::as_text).map(Into::into).collect(),
        born: text("dob").and_then(|day| day.parse().ok()),
    })
}
