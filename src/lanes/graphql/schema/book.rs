//! Types as they are gathered, and what becomes of them: a schema that answers, and what each of its fields can cost.

use std::collections::BTreeMap;

use async_graphql::dynamic::{
    Enum, Field, FieldFuture, InputObject, InputValue, Interface, InterfaceField, Object, ResolverContext,
    Scalar, Schema, SchemaBuilder, SchemaError, Subscription, SubscriptionField, SubscriptionFieldFuture,
    TypeRef,
};
use futures_util::stream;

use crate::domain::kind::Member;
use crate::lanes::graphql::limits::{Costs, FieldCost};

/// Answers a field.
pub(in crate::lanes::graphql) type Resolve =
    Box<dyn for<'a> Fn(ResolverContext<'a>) -> FieldFuture<'a> + Send + Sync>;

/// A field of a type.
pub(in crate::lanes::graphql) struct FieldDef {
    pub(in crate::lanes::graphql) name: String,
    pub(in crate::lanes::graphql) doc: String,
    pub(in crate::lanes::graphql) ty: TypeRef,
    pub(in crate::lanes::graphql) arguments: Vec<(String, TypeRef, &'static str)>,
    /// Of a list: how many if nobody says.
    pub(in crate::lanes::graphql) items: Option<usize>,
    pub(in crate::lanes::graphql) resolve: Resolve,
}

impl FieldDef {
    pub(in crate::lanes::graphql) fn new(
        name: impl Into<String>,
        ty: TypeRef,
        doc: impl Into<String>,
        resolve: impl for<'a> Fn(ResolverContext<'a>) -> FieldFuture<'a> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            doc: doc.into(),
            ty,
            arguments: Vec::new(),
            items: None,
            resolve: Box::new(resolve),
        }
    }

    pub(in crate::lanes::graphql) fn argument(mut self, name: &str, ty: TypeRef, doc: &'static str) -> Self {
        self.arguments.push((name.to_owned(), ty, doc));
        self
    }

    fn into_field(self) -> Field {
        let field = Field::new(self.name, self.ty, self.resolve).description(self.doc);
        self.arguments.into_iter().fold(field, |field, (name, ty, doc)| {
            field.argument(InputValue::new(name, ty).description(doc))
        })
    }
}

/// A type with fields.
pub(in crate::lanes::graphql) struct TypeDef {
    pub(in crate::lanes::graphql) name: String,
    pub(in crate::lanes::graphql) doc: String,
    pub(in crate::lanes::graphql) implements: Vec<&'static str>,
    pub(in crate::lanes::graphql) fields: Vec<FieldDef>,
}

/// Types that are gathered.
#[derive(Default)]
pub(in crate::lanes::graphql) struct Book {
    types: BTreeMap<String, TypeDef>,
    inputs: BTreeMap<String, InputObject>,
    interfaces: Vec<(Interface, Vec<(String, FieldCost)>)>,
    scalars: Vec<Scalar>,
    enums: Vec<Enum>,
    /// The names of types for members of objects: the same members are one type.
    members: Vec<(&'static [Member], String)>,
}

/// Roots by their names.
pub(in crate::lanes::graphql) const ROOTS: [&str; 3] = ["Query", "Mutation", "Subscription"];

impl Book {
    pub(in crate::lanes::graphql) fn add(&mut self, ty: TypeDef) {
        self.types.insert(ty.name.clone(), ty);
    }

    pub(in crate::lanes::graphql) fn has(&self, name: &str) -> bool {
        self.types.contains_key(name)
    }

    pub(in crate::lanes::graphql) fn add_input(&mut self, name: String, input: InputObject) {
        self.inputs.insert(name, input);
    }

    pub(in crate::lanes::graphql) fn add_scalar(&mut self, name: &str, doc: &str) {
        self.scalars.push(Scalar::new(name).description(doc));
    }

    pub(in crate::lanes::graphql) fn add_enum(&mut self, words: Enum) {
        self.enums.push(words);
    }

    /// An interface with those fields of a type that take no arguments and are among `names`.
    pub(in crate::lanes::graphql) fn add_interface(
        &mut self,
        name: &str,
        doc: &str,
        of: &[FieldDef],
        names: &[String],
    ) {
        let mut interface = Interface::new(name).description(doc);
        let mut costs = Vec::new();
        for field in of.iter().filter(|field| names.contains(&field.name)) {
            let mut own = InterfaceField::new(&field.name, field.ty.clone()).description(&field.doc);
            for (name, ty, doc) in &field.arguments {
                own = own.argument(InputValue::new(name, ty.clone()).description(*doc));
            }
            interface = interface.field(own);
            costs.push((field.name.clone(), cost_of(field)));
        }
        self.interfaces.push((interface, costs));
    }

    /// The type of members, by the name under which they were met first.
    pub(in crate::lanes::graphql) fn name_of_members(
        &mut self,
        members: &'static [Member],
        wanted: String,
    ) -> (String, bool) {
        let known = self.members.iter().find(|(known, _)| *known == members);
        if let Some((_, name)) = known {
            return (name.clone(), false);
        }
        self.members.push((members, wanted.clone()));
        (wanted, true)
    }

    /// What each field can cost.
    pub(in crate::lanes::graphql) fn costs(&self) -> Costs {
        let of_types = self.types.values().map(|ty| {
            let fields = ty.fields.iter().map(|field| (field.name.clone(), cost_of(field)));
            (ty.name.clone(), fields.collect())
        });
        let of_interfaces = self
            .interfaces
            .iter()
            .map(|(interface, costs)| (interface.type_name().to_owned(), costs.iter().cloned().collect()));
        of_types.chain(of_interfaces).collect()
    }

    /// The schema whose queries begin at `query`; only where that is the usual root it has the others too.
    pub(in crate::lanes::graphql) fn schema(self, query: &str) -> Result<Schema, SchemaError> {
        let [usual, mutation, subscription] = ROOTS;
        let known = |root: &'static str| (query == usual && self.types.contains_key(root)).then_some(root);
        let mut builder: SchemaBuilder = Schema::build(query, known(mutation), known(subscription));
        for scalar in self.scalars {
            builder = builder.register(scalar);
        }
        for words in self.enums {
            builder = builder.register(words);
        }
        for (interface, _) in self.interfaces {
            builder = builder.register(interface);
        }
        for input in self.inputs.into_values() {
            builder = builder.register(input);
        }
        for ty in self.types.into_values() {
            builder = match ty.name == subscription && query == usual {
                true => builder.register(announced(ty)),
                false => builder.register(object(ty)),
            };
        }
        builder.finish()
    }
}

fn cost_of(field: &FieldDef) -> FieldCost {
    FieldCost {
        ty: field.ty.type_name().to_owned(),
        items: field.items,
    }
}

fn object(ty: TypeDef) -> Object {
    let mut object = Object::new(ty.name).description(ty.doc);
    for interface in ty.implements {
        object = object.implement(interface);
    }
    let fields = ty.fields.into_iter().map(FieldDef::into_field);
    fields.fold(object, Object::field)
}

/// Subscriptions as the schema tells of them. They are answered event by event, by a schema of their own.
fn announced(ty: TypeDef) -> Subscription {
    let mut subscription = Subscription::new(ty.name).description(ty.doc);
    for field in ty.fields {
        let mut own = SubscriptionField::new(field.name, field.ty, nothing).description(field.doc);
        for (name, ty, doc) in field.arguments {
            own = own.argument(InputValue::new(name, ty).description(doc));
        }
        subscription = subscription.field(own);
    }
    subscription
}

fn nothing<'a>(_: ResolverContext<'a>) -> SubscriptionFieldFuture<'a> {
    SubscriptionFieldFuture::new(async { Ok(stream::empty::<async_graphql::Result<async_graphql::Value>>()) })
}
