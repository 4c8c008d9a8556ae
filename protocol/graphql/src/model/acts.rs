//! Actions of packages as GraphQL shows them: each is one more field of the mutation root, `convertLead`.

use std::sync::Arc;

use indexmap::IndexMap;
use quarry_metadata::{
    expression::Type,
    naming::{camel_case, pascal_case},
    rules::Action,
};

use super::{FieldType, Kind, ObjectType, enum_names::EnumNames, lower_first};

/// An action of an object.
#[derive(Debug)]
pub(crate) struct ActType {
    /// What it is done with.
    pub object: Arc<ObjectType>,
    /// Its own name.
    pub name: String,
    /// `ConvertLead`; the names of its types begin with it.
    type_name: String,
    pub description: String,
    pub parameters: IndexMap<String, Parameter>,
    pub returns: IndexMap<String, Returned>,
}

/// What the caller gives.
#[derive(Debug)]
pub(crate) struct Parameter {
    pub field: FieldType,
    /// It has no default, and must be given.
    pub required: bool,
}

/// What the caller gets.
#[derive(Debug)]
pub(crate) struct Returned {
    /// By this name in the engine's answer.
    pub name: String,
    pub type_name: &'static str,
    pub many: bool,
}

impl ActType {
    pub(super) fn new(
        action: &Action,
        object: &Arc<ObjectType>,
        names: &EnumNames,
        of: &quarry_metadata::Object,
    ) -> Self {
        let parameter = |field: &quarry_metadata::Field| Parameter {
            field: FieldType::new(field, &names.of_parameter(of, &action.name, field)),
            required: field.required && field.default.is_none(),
        };
        let described = action.description.clone().unwrap_or_else(|| action.label.get("en").to_owned());
        Self {
            object: Arc::clone(object),
            name: action.name.clone(),
            type_name: pascal_case(&action.name) + &object.type_name,
            description: described,
            parameters: action
                .parameters
                .values()
                .map(|field| (camel_case(field.name.as_str()), parameter(field)))
                .collect(),
            returns: action
                .returns
                .iter()
                .map(|(name, value)| (camel_case(name), Returned::new(name, value.type_())))
                .collect(),
        }
    }

    /// The root field: `convertLead`.
    pub fn root_name(&self) -> String {
        lower_first(&self.type_name)
    }

    /// One of its types: `ConvertLeadActionResult`.
    pub fn type_called(&self, suffix: &str) -> String {
        format!("{}Action{suffix}", self.type_name)
    }

    /// Whether one of the parameters must be given.
    pub fn must_be_given(&self) -> bool {
        self.parameters.values().any(|parameter| parameter.required)
    }
}

impl Returned {
    fn new(name: &str, type_: &Type) -> Self {
        let (type_name, many) = match type_ {
            Type::List(_) => ("String", true),
            Type::Bool => ("Boolean", false),
            Type::Int => ("Long", false),
            Type::Decimal { .. } => ("Decimal", false),
            Type::Double => ("Float", false),
            Type::Date => ("Date", false),
            Type::DateTime => ("DateTime", false),
            Type::Time => ("Time", false),
            Type::Json => ("JSON", false),
            Type::Text | Type::Null | Type::Duration | Type::Record(_) => ("String", false),
        };
        Self { name: name.to_owned(), type_name, many }
    }
}

impl Parameter {
    /// Its kind.
    pub fn kind(&self) -> &Kind {
        &self.field.kind
    }
}
