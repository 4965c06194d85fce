//! Selections of which nothing may be left, by `@skip` or by fragments of other types. The library answers such an object with
//! null, as if it were not there: it is asked for its type too, and that is taken out of the answer again.

use async_graphql::parser::Positioned;
use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, Field, Selection, SelectionSet};
use async_graphql::{Name, PathSegment, Pos, Response as Answered, ServerError, Value};

/// The name of what is asked for beside; names that begin so are the language's own.
const MARK: &str = "__nothing";

/// Marks each selection of a document of which nothing may be left; says whether there are any.
pub(super) fn mark(document: &mut ExecutableDocument) -> bool {
    let operations = match &mut document.operations {
        DocumentOperations::Single(operation) => vec![&mut operation.node],
        DocumentOperations::Multiple(operations) => operations
            .values_mut()
            .map(|operation| &mut operation.node)
            .collect(),
    };
    let mut any = false;
    for operation in operations {
        any |= mark_selection(&mut operation.selection_set.node);
    }
    for fragment in document.fragments.values_mut() {
        any |= mark_within(&mut fragment.node.selection_set.node);
    }
    any
}

fn mark_selection(selection: &mut SelectionSet) -> bool {
    let is_sure = |item: &Positioned<Selection>| match &item.node {
        Selection::Field(field) => field.node.directives.is_empty(),
        Selection::FragmentSpread(_) | Selection::InlineFragment(_) => false,
    };
    let any = mark_within(selection);
    // What has no selection has no fields.
    if selection.items.is_empty() || selection.items.iter().any(is_sure) {
        return any;
    }
    let named = |name: &str| Positioned::new(Name::new(name), Pos::default());
    let field = Field {
        alias: Some(named(MARK)),
        name: named("__typename"),
        arguments: Vec::new(),
        directives: Vec::new(),
        selection_set: Positioned::default(),
    };
    let field = Selection::Field(Positioned::new(field, Pos::default()));
    selection.items.push(Positioned::new(field, Pos::default()));
    true
}

/// The same for the fields of a selection.
fn mark_within(selection: &mut SelectionSet) -> bool {
    let mut any = false;
    for item in &mut selection.items {
        any |= match &mut item.node {
            Selection::Field(field) => mark_selection(&mut field.node.selection_set.node),
            Selection::InlineFragment(fragment) => mark_within(&mut fragment.node.selection_set.node),
            Selection::FragmentSpread(_) => false,
        };
    }
    any
}

/// Takes the marks out of an answer.
pub(super) fn unmark(answered: &mut Answered) {
    unmark_value(&mut answered.data, &mut Vec::new(), &answered.errors);
}

fn unmark_value(value: &mut Value, path: &mut Vec<PathSegment>, errors: &[ServerError]) {
    match value {
        Value::Object(members) => {
            let was_marked = members.shift_remove(MARK).is_some();
            for (name, member) in members.iter_mut() {
                path.push(PathSegment::Field(name.to_string()));
                unmark_value(member, path, errors);
                path.pop();
            }
            // What can't be null and failed takes the object with it.
            let failed = |error: &ServerError| error.path.len() > path.len() && error.path.starts_with(path);
            if was_marked && members.is_empty() && errors.iter().any(failed) {
                *value = Value::Null;
            }
        }
        Value::List(items) => {
            for (place, item) in items.iter_mut().enumerate() {
                path.push(PathSegment::Index(place));
                unmark_value(item, path, errors);
                path.pop();
            }
        }
        _ => {}
    }
}
