//! The document, field by field: how deep it goes, what it can cost, how often one field is asked for under other names. Each
//! fragment is weighed once and what a spread adds is summed, so that a document which would unfold without end is refused by
//! its weight; only what weighs little enough is unfolded.

use std::collections::{HashMap, HashSet};

use async_graphql::parser::types::{
    ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet, VariableDefinition,
};
use async_graphql::{Name, Positioned, Value};

use crate::lanes::graphql::limits::{Exceeded, Limits, Variables};

/// What a field leads to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::lanes::graphql) struct FieldCost {
    /// The type; empty for one without fields.
    pub(in crate::lanes::graphql) ty: String,
    /// Of a list: how many if nobody says.
    pub(in crate::lanes::graphql) items: Option<usize>,
}

/// What the fields of each type lead to.
pub(in crate::lanes::graphql) type Costs = HashMap<String, HashMap<String, FieldCost>>;

/// Items of one list, at most: more is refused where it is read.
const ITEMS_MAX: usize = 500;
/// Selections and spreads in one another: what is deeper is not walked.
const WALK_MAX: usize = 128;
/// The depth of what may be asked about the schema itself; the query of common tools needs 15.
const ABOUT_DEPTH_MAX: usize = 20;
/// What asking for the whole schema costs, in hundredths of all that a query may cost.
const SCHEMA_PERCENT: usize = 51;
/// What asking about one type costs.
const TYPE_COST: usize = 100;
/// The fields of a type about types that multiply: one of them on a path is enough for every tool.
const MULTIPLIERS: [&str; 4] = ["fields", "inputFields", "interfaces", "possibleTypes"];
/// How many fields there may be once all fragments are unfolded, per field that one operation may cost.
const UNFOLDED_PER_COST: usize = 4;

/// What a selection weighs.
#[derive(Clone, Copy, Default)]
struct Weight {
    /// Fields, once all fragments are unfolded.
    fields: usize,
    cost: usize,
    depth: usize,
    /// Multiplying fields about types, on one path.
    multipliers: usize,
}

impl Weight {
    fn beside(self, other: Self) -> Self {
        Self {
            fields: self.fields.saturating_add(other.fields),
            cost: self.cost.saturating_add(other.cost),
            depth: self.depth.max(other.depth),
            multipliers: self.multipliers.max(other.multipliers),
        }
    }
}

/// What the costliest operation of a document can cost; refuses one beyond a limit.
///
/// # Errors
/// The limit that was met first.
pub(in crate::lanes::graphql) fn weigh(
    document: &ExecutableDocument,
    variables: &Variables,
    (costs, root): (&Costs, [&str; 3]),
    limits: &Limits,
) -> Result<usize, Exceeded> {
    let mut scales = Scales {
        document,
        variables,
        costs,
        limits,
        fragments: HashMap::new(),
        open: HashSet::new(),
        definitions: &[],
    };
    let (mut unfolded, mut costliest) = (0_usize, 0);
    for (_, operation) in document.operations.iter() {
        let weight = scales.operation(&operation.node, root)?;
        unfolded = unfolded.saturating_add(weight.fields);
        costliest = costliest.max(weight.cost);
        let (complexity_max, depth_max) = (limits.complexity_max, limits.depth_max);
        if weight.cost > complexity_max {
            let what = format!("the query can cost {}", weight.cost);
            return Err(Exceeded::new("complexity_max", complexity_max, &what));
        }
        if weight.depth > depth_max {
            let what = format!("the query nests {} levels", weight.depth);
            return Err(Exceeded::new("depth_max", depth_max, &what));
        }
    }
    for name in document.fragments.keys() {
        unfolded = unfolded.saturating_add(scales.fragment(name, 0)?.fields);
    }
    if unfolded > limits.complexity_max.saturating_mul(UNFOLDED_PER_COST) {
        let what = "the query has far more fields once its fragments are unfolded";
        return Err(Exceeded::new("complexity_max", limits.complexity_max, what));
    }
    for (_, operation) in document.operations.iter() {
        scales.count_aliases(&[("", &operation.node.selection_set.node)])?;
    }
    Ok(costliest)
}

struct Scales<'d> {
    document: &'d ExecutableDocument,
    variables: &'d Variables,
    costs: &'d Costs,
    limits: &'d Limits,
    fragments: HashMap<&'d Name, Weight>,
    /// Fragments that are being weighed: one that comes again has no end.
    open: HashSet<&'d Name>,
    /// The variables of the operation; those of a fragment are not known, so their defaults count for nothing.
    definitions: &'d [Positioned<VariableDefinition>],
}

impl<'d> Scales<'d> {
    fn operation(&mut self, operation: &'d OperationDefinition, root: [&str; 3]) -> Result<Weight, Exceeded> {
        use async_graphql::parser::types::OperationType as Type;
        let ty = match operation.ty {
            Type::Query => root[0],
            Type::Mutation => root[1],
            Type::Subscription => root[2],
        };
        self.definitions = &operation.variable_definitions;
        self.selection(&operation.selection_set.node, ty, 0)
    }

    fn selection(&mut self, set: &'d SelectionSet, ty: &str, level: usize) -> Result<Weight, Exceeded> {
        if level > WALK_MAX {
            let what = format!("the query nests more than {WALK_MAX} levels");
            return Err(Exceeded::new("depth_max", self.limits.depth_max, &what));
        }
        let mut weight = Weight::default();
        for selection in &set.items {
            let more = match &selection.node {
                Selection::Field(field) => self.field(&field.node, ty, level)?,
                Selection::InlineFragment(inline) => {
                    let on = inline.node.type_condition.as_ref();
                    let ty = on.map_or(ty, |on| on.node.on.node.as_str());
                    self.selection(&inline.node.selection_set.node, ty, level + 1)?
                }
                Selection::FragmentSpread(spread) => {
                    self.fragment(&spread.node.fragment_name.node, level + 1)?
                }
            };
            weight = weight.beside(more);
        }
        Ok(weight)
    }

    fn fragment(&mut self, name: &'d Name, level: usize) -> Result<Weight, Exceeded> {
        if let Some(known) = self.fragments.get(name) {
            return Ok(*known);
        }
        let Some(fragment) = self.document.fragments.get(name) else {
            return Ok(Weight::default());
        };
        if !self.open.insert(name) {
            let name: String = name.chars().take(80).collect();
            return Err(Exceeded {
                limit: "depth_max",
                text: format!("no fragment that is part of itself, as {name:?} is (graphql.depth_max)"),
            });
        }
        let ty = fragment.node.type_condition.node.on.node.as_str();
        let weight = self.selection(&fragment.node.selection_set.node, ty, level)?;
        self.open.remove(name);
        self.fragments.insert(name, weight);
        Ok(weight)
    }

    fn field(&mut self, field: &'d Field, ty: &str, level: usize) -> Result<Weight, Exceeded> {
        let name = field.name.node.as_str();
        let costs = self.costs;
        let known = costs.get(ty).and_then(|fields| fields.get(name));
        let into = match name {
            "__schema" => "__Schema",
            "__type" => "__Type",
            _ if ty.starts_with("__") => "__",
            _ => known.map_or("", |known| known.ty.as_str()),
        };
        let inside = self.selection(&field.selection_set.node, into, level + 1)?;
        let fields = inside.fields.saturating_add(1);
        if ty.starts_with("__") {
            return Ok(Weight {
                fields,
                cost: 0,
                depth: inside.depth + 1,
                multipliers: inside.multipliers + usize::from(MULTIPLIERS.contains(&name)),
            });
        }
        if into.starts_with("__") {
            return self.about_schema(name, inside);
        }
        let times = match known.and_then(|known| known.items) {
            Some(items) => self.items(field).unwrap_or(items),
            None => 1,
        };
        Ok(Weight {
            fields,
            cost: inside.cost.saturating_mul(times).saturating_add(1),
            depth: inside.depth + 1,
            multipliers: 0,
        })
    }

    /// What is asked about the schema reads no record, and tools need it deep; but types lead to types without end.
    fn about_schema(&self, name: &str, inside: Weight) -> Result<Weight, Exceeded> {
        if !self.limits.introspection {
            return Err(Exceeded {
                limit: "introspection",
                text: "no question about the schema, which is not told here (graphql.introspection)"
                    .to_owned(),
            });
        }
        if inside.depth > ABOUT_DEPTH_MAX || inside.multipliers > 1 {
            let what = "the query follows types of the schema into one another";
            return Err(Exceeded::new("depth_max", self.limits.depth_max, what));
        }
        let cost = match name {
            "__schema" => self.limits.complexity_max * SCHEMA_PERCENT / 100,
            _ => TYPE_COST,
        };
        Ok(Weight {
            fields: inside.fields.saturating_add(1),
            cost,
            depth: 1,
            multipliers: 0,
        })
    }

    /// How many items a list is asked for.
    fn items(&self, field: &Field) -> Option<usize> {
        let given = ["limit", "first"]
            .into_iter()
            .find_map(|name| field.get_argument(name))?;
        let value = given.node.clone().into_const_with(|name| self.variable(&name));
        match value {
            Ok(Value::Number(number)) => {
                let items = usize::try_from(number.as_i64().unwrap_or(0).max(0)).unwrap_or(ITEMS_MAX);
                Some(items.min(ITEMS_MAX))
            }
            _ => None,
        }
    }

    fn variable(&self, name: &Name) -> Result<Value, ()> {
        if let Some(given) = self.variables.get(name.as_str()) {
            return Value::from_json(given.clone()).map_err(drop);
        }
        let definition = self
            .definitions
            .iter()
            .find(|definition| definition.node.name.node == *name);
        let default = definition.and_then(|definition| definition.node.default_value.as_ref());
        default.map(|default| default.node.clone()).ok_or(())
    }

    /// Selections of one answer's object, each with the type that it is about: in all of them together no field has too
    /// many names. What was weighed unfolds to little, and no deeper than was weighed.
    fn count_aliases(&self, sets: &[(&'d str, &'d SelectionSet)]) -> Result<(), Exceeded> {
        let mut names: HashMap<(&str, &str), HashSet<&str>> = HashMap::new();
        let mut inside: HashMap<&str, Vec<(&str, &SelectionSet)>> = HashMap::new();
        let mut open: Vec<(&'d str, &'d SelectionSet)> = sets.to_vec();
        while let Some((ty, set)) = open.pop() {
            for selection in &set.items {
                match &selection.node {
                    Selection::Field(field) => {
                        let (field, key) = (&field.node, field.node.response_key().node.as_str());
                        names
                            .entry((ty, field.name.node.as_str()))
                            .or_default()
                            .insert(key);
                        if !field.selection_set.node.items.is_empty() {
                            inside
                                .entry(key)
                                .or_default()
                                .push(("", &field.selection_set.node));
                        }
                    }
                    Selection::InlineFragment(inline) => {
                        let on = inline.node.type_condition.as_ref();
                        let ty = on.map_or(ty, |on| on.node.on.node.as_str());
                        open.push((ty, &inline.node.selection_set.node));
                    }
                    Selection::FragmentSpread(spread) => {
                        let name = &spread.node.fragment_name.node;
                        if let Some(fragment) = self.document.fragments.get(name) {
                            let ty = fragment.node.type_condition.node.on.node.as_str();
                            open.push((ty, &fragment.node.selection_set.node));
                        }
                    }
                }
            }
        }
        let aliases_max = self.limits.aliases_max;
        if let Some(((_, name), _)) = names.iter().find(|(_, keys)| keys.len() > aliases_max) {
            let name: String = name.chars().take(80).collect();
            let what = format!("the field {name:?} has more aliases");
            return Err(Exceeded::new("aliases_max", aliases_max, &what));
        }
        inside.values().try_for_each(|sets| self.count_aliases(sets))
    }
}
