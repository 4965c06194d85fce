//! Lists: plain, and as Relay's connections. Both come from one row, take `first` (or `limit`) and `after`, and know of an
//! item no more than its cursor.

use std::sync::Arc;

use async_graphql::Value;
use async_graphql::dynamic::{FieldFuture, FieldValue, ResolverContext, TypeRef};

use crate::domain::custody::chain::Entry;
use crate::domain::record::Record;
use crate::domain::value::Value as Told;
use crate::lanes::graphql::schema::answer::{item_value, refuse_or};
use crate::lanes::graphql::schema::book::{Book, FieldDef, TypeDef};
use crate::services::failure::{Failure, Outcome};

/// Items of one list, at most.
pub(super) const ITEMS_MAX: usize = 500;
/// Items of a list of records if nobody says.
pub(super) const ITEMS: usize = 50;
/// What a list costs that is part of a record, and is given whole.
pub(super) const PARTS: usize = 10;

/// Something with fields.
#[derive(Clone, Debug)]
pub(in crate::lanes::graphql) enum Item {
    Record(Arc<Record>),
    Part(Told),
    Entry(Box<(Entry, Arc<Record>)>),
    Json(serde_json::Value),
}

/// A part of a list.
#[derive(Debug, Default)]
pub(super) struct Listed {
    pub(super) items: Vec<(Item, String)>,
    pub(super) has_next: bool,
    /// Where the next part begins, if that is not after the last item.
    pub(super) end: Option<String>,
    pub(super) total: Option<u64>,
}

/// Which part.
#[derive(Clone, Debug)]
pub(super) struct Window {
    pub(super) limit: Option<usize>,
    pub(super) after: Option<String>,
}

impl Window {
    fn of(ctx: &ResolverContext<'_>) -> Outcome<Self> {
        let mut limit = None;
        for name in ["first", "limit"] {
            let Some(given) = ctx.args.get(name).filter(|given| !given.is_null()) else {
                continue;
            };
            let number = given.i64().ok().and_then(|number| usize::try_from(number).ok());
            match number {
                Some(number) if (1..=ITEMS_MAX).contains(&number) && limit.is_none() => limit = Some(number),
                Some(_) if limit.is_some() => {
                    return Err(Failure::wrong(
                        "limit",
                        "nothing beside `first`, which means the same",
                    ));
                }
                _ => {
                    return Err(Failure::wrong(
                        name,
                        format!("a whole number from 1 to {ITEMS_MAX}"),
                    ));
                }
            }
        }
        let after = ctx.args.get("after").and_then(|after| after.string().ok());
        Ok(Self {
            limit,
            after: after.map(str::to_owned),
        })
    }

    /// The part of what is wholly there; a cursor is a place in it.
    pub(super) fn of_whole(&self, items: Vec<Item>) -> Outcome<Listed> {
        let begin = match &self.after {
            None => 0,
            Some(after) => {
                let place = after
                    .strip_prefix('i')
                    .and_then(|place| place.parse::<usize>().ok());
                place.ok_or_else(|| Failure::wrong("after", "a cursor that this list gave"))?
            }
        };
        let total = items.len();
        let limit = self.limit.unwrap_or(total);
        let items = items.into_iter().enumerate().skip(begin).take(limit);
        let items: Vec<_> = items
            .map(|(place, item)| (item, format!("i{}", place + 1)))
            .collect();
        Ok(Listed {
            has_next: begin + items.len() < total,
            items,
            end: None,
            total: u64::try_from(total).ok(),
        })
    }
}

/// Reads a part of a list.
pub(super) type Fetch = Arc<dyn for<'a> Fn(&ResolverContext<'a>, &Window) -> Outcome<Listed> + Send + Sync>;

/// A list.
pub(super) struct ListDef {
    pub(super) name: String,
    pub(super) doc: String,
    /// The type of an item.
    pub(super) of: String,
    pub(super) arguments: Vec<(String, TypeRef, &'static str)>,
    /// How many items it may have if nobody says, for what it costs.
    pub(super) items: usize,
    pub(super) fetch: Fetch,
}

impl ListDef {
    pub(super) fn new(
        name: impl Into<String>,
        of: impl Into<String>,
        doc: impl Into<String>,
        fetch: impl for<'a> Fn(&ResolverContext<'a>, &Window) -> Outcome<Listed> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            doc: doc.into(),
            of: of.into(),
            arguments: Vec::new(),
            items: ITEMS,
            fetch: Arc::new(fetch),
        }
    }

    /// The same of a list that is part of a record and is given whole if nobody says how much.
    pub(super) fn of_parts(mut self) -> Self {
        self.items = PARTS;
        self
    }

    pub(super) fn argument(mut self, name: &str, ty: TypeRef, doc: &'static str) -> Self {
        self.arguments.push((name.to_owned(), ty, doc));
        self
    }

    /// The plain list and the connection.
    pub(super) fn into_fields(self, book: &mut Book) -> [FieldDef; 2] {
        add_connection(book, &self.of);
        let (plain, connected, of) = (Arc::clone(&self.fetch), self.fetch, self.of.clone());
        let list = FieldDef::new(
            &self.name,
            TypeRef::named_nn_list(&self.of),
            &self.doc,
            move |ctx| {
                let listed = Window::of(&ctx).and_then(|window| plain(&ctx, &window));
                refuse_or(&ctx, listed, |listed| {
                    let items = listed.items.into_iter();
                    Some(FieldValue::list(items.map(|(item, _)| item_value(item, &of))))
                })
            },
        );
        let connection = FieldDef::new(
            format!("{}Connection", self.name),
            TypeRef::named(format!("{}Connection", self.of)),
            format!("The same with cursors. {}", self.doc),
            move |ctx| {
                let listed = Window::of(&ctx).and_then(|window| connected(&ctx, &window));
                refuse_or(&ctx, listed, |listed| Some(FieldValue::owned_any(listed)))
            },
        );
        [list, connection].map(|mut field| {
            field.items = Some(self.items);
            field.arguments.clone_from(&self.arguments);
            field
                .argument("limit", TypeRef::named(TypeRef::INT), "How many at most.")
                .argument("first", TypeRef::named(TypeRef::INT), "The same.")
                .argument(
                    "after",
                    TypeRef::named(TypeRef::STRING),
                    "The cursor after which to go on.",
                )
        })
    }
}

/// The connection of a type, its edges and what a page says of itself.
fn add_connection(book: &mut Book, of: &str) {
    let name = format!("{of}Connection");
    if book.has(&name) {
        return;
    }
    if !book.has("PageInfo") {
        book.add(page_info());
    }
    let (node, nodes) = (of.to_owned(), of.to_owned());
    let edge = format!("{of}Edge");
    book.add(TypeDef {
        name: edge.clone(),
        doc: format!("A {of} and its place in a list."),
        implements: Vec::new(),
        fields: vec![
            FieldDef::new(
                "cursor",
                TypeRef::named_nn(TypeRef::STRING),
                "Where a page after it begins.",
                |ctx| {
                    let edge = ctx.parent_value.downcast_ref::<(Item, String)>();
                    FieldFuture::from_value(edge.map(|(_, cursor)| Value::from(cursor.as_str())))
                },
            ),
            FieldDef::new("node", TypeRef::named_nn(of), "What stands there.", move |ctx| {
                let edge = ctx.parent_value.downcast_ref::<(Item, String)>();
                FieldFuture::Value(edge.map(|(item, _)| item_value(item.clone(), &node)))
            }),
        ],
    });
    book.add(TypeDef {
        name,
        doc: format!("A part of a list of {of}, with cursors."),
        implements: Vec::new(),
        fields: vec![
            FieldDef::new(
                "edges",
                TypeRef::named_nn_list_nn(edge),
                "The items with their places.",
                |ctx| {
                    let edges = listed(&ctx).map(|listed| listed.items.iter());
                    let edges = edges.map(|edges| edges.map(|edge| FieldValue::owned_any(edge.clone())));
                    FieldFuture::Value(edges.map(FieldValue::list))
                },
            ),
            FieldDef::new("nodes", TypeRef::named_nn_list_nn(of), "The items.", move |ctx| {
                let items = listed(&ctx).map(|listed| listed.items.iter());
                let items = items.map(|items| items.map(|(item, _)| item_value(item.clone(), &nodes)));
                FieldFuture::Value(items.map(FieldValue::list))
            }),
            FieldDef::new(
                "pageInfo",
                TypeRef::named_nn("PageInfo"),
                "Where this part stands.",
                |ctx| {
                    let page = listed(&ctx).map(|listed| PageInfo {
                        has_next: listed.has_next,
                        begin: listed.items.first().map(|(_, cursor)| cursor.clone()),
                        end: (listed.end.clone()).or_else(|| Some(listed.items.last()?.1.clone())),
                    });
                    FieldFuture::Value(page.map(FieldValue::owned_any))
                },
            ),
            FieldDef::new(
                "totalCount",
                TypeRef::named("Long"),
                "How many items the whole list has, where that is known without reading them.",
                |ctx| FieldFuture::from_value(listed(&ctx).and_then(|listed| listed.total).map(Value::from)),
            ),
        ],
    });
}

fn listed<'a>(ctx: &ResolverContext<'a>) -> Option<&'a Listed> {
    ctx.parent_value.downcast_ref()
}

#[derive(Debug)]
struct PageInfo {
    has_next: bool,
    begin: Option<String>,
    end: Option<String>,
}

fn page_info() -> TypeDef {
    fn page<'a>(ctx: &ResolverContext<'a>) -> Option<&'a PageInfo> {
        ctx.parent_value.downcast_ref()
    }
    let text = |text: &Option<String>| text.as_deref().map(Value::from);
    TypeDef {
        name: "PageInfo".to_owned(),
        doc: "Where a part of a list stands.".to_owned(),
        implements: Vec::new(),
        fields: vec![
            FieldDef::new(
                "hasNextPage",
                TypeRef::named_nn(TypeRef::BOOLEAN),
                "There is more after it.",
                |ctx| FieldFuture::from_value(page(&ctx).map(|page| page.has_next.into())),
            ),
            FieldDef::new(
                "hasPreviousPage",
                TypeRef::named_nn(TypeRef::BOOLEAN),
                "Always false: lists are read forwards.",
                |_| FieldFuture::from_value(Some(false.into())),
            ),
            FieldDef::new(
                "startCursor",
                TypeRef::named(TypeRef::STRING),
                "The first item's place.",
                move |ctx| FieldFuture::from_value(page(&ctx).and_then(|page| text(&page.begin))),
            ),
            FieldDef::new(
                "endCursor",
                TypeRef::named(TypeRef::STRING),
                "The last item's place.",
                move |ctx| FieldFuture::from_value(page(&ctx).and_then(|page| text(&page.end))),
            ),
        ],
    }
}
