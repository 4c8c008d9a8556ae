//! `exists`, `all`, `exists_one`, `map`, `filter`: the body is evaluated once for the items of all lists of a batch, each beside
//! the values of its own row, and what comes of it is brought together again per list.

use std::{
    hash::{Hash, Hasher},
    sync::Arc,
};

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, ListArray, RecordBatch, RecordBatchOptions},
    buffer::{NullBuffer, OffsetBuffer},
    compute::{cast, filter},
    datatypes::{DataType, Field, Schema},
};
use datafusion::{
    common::{DFSchema, DataFusionError, Result, ScalarValue},
    logical_expr::physical_planning_context::PhysicalPlanningContext,
    logical_expr::{
        ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
        execution_props::ExecutionProps, expr::ScalarFunction, ident,
    },
    physical_expr::{PhysicalExpr, create_physical_expr},
};
use quarry_metadata::expression::{Children, Comprehension, Node, NodeKind, Path, Root, Type};

use super::{
    compile::{self, Leaf, Leaves, Mode},
    data_type::{arrow, in_list},
    operation::{Arguments, flattened, taken},
};

/// A comprehension to be compiled.
pub(super) struct Over<'a> {
    pub(super) comprehension: Comprehension,
    pub(super) list: &'a Node,
    pub(super) variable: &'a str,
    pub(super) body: &'a Node,
}

/// The function that goes over `list`; the values of the row that its body reads are further arguments.
pub(super) fn lowered(
    node: &Node,
    over: Over<'_>,
    list: Expr,
    leaves: &mut dyn Leaves,
    mode: Mode,
) -> crate::error::Result<Expr> {
    let members = children_of(over.list).map(|children| leaves.members(children)).unwrap_or_default();
    let item = match &over.list.type_ {
        Type::List(item) => (**item).clone(),
        other => other.clone(),
    };
    let mut body = Body { variable: over.variable, members, columns: Vec::new(), outer: Vec::new() };
    let expr = compile::lowered(over.body, &mut body, mode)?;
    let fields = body.columns.iter().map(|column| Field::new(&column.name, column.data_type.clone(), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let df_schema = DFSchema::try_from(Arc::clone(&schema))?;
    let physical =
        create_physical_expr(&expr, &df_schema, &ExecutionProps::new(), &PhysicalPlanningContext::default())?;
    let mut arguments = vec![list];
    for (leaf, type_) in &body.outer {
        arguments.push(leaves.leaf(leaf, type_)?);
    }
    let udf = Loop {
        comprehension: over.comprehension,
        tree: serde_json::to_string(over.body).map_err(|error| DataFusionError::External(Box::new(error)))?,
        item,
        returns: node.type_.clone(),
        mode,
        sources: body.columns.into_iter().map(|column| column.source).collect(),
        schema,
        body: physical,
        signature: Signature::variadic_any(Volatility::Immutable),
    };
    let function = Arc::new(ScalarUDF::new_from_impl(udf));
    Ok(Expr::ScalarFunction(ScalarFunction::new_udf(function, arguments)))
}

/// The child relation whose records a list holds.
fn children_of(list: &Node) -> Option<&Children> {
    match &list.kind {
        NodeKind::Children(children) => Some(children),
        NodeKind::Comprehension { list, .. } => children_of(list),
        _ => None,
    }
}

/// The columns of a body: of the item, and of the row that it belongs to.
struct Body<'a> {
    variable: &'a str,
    members: Vec<(Path, Type)>,
    columns: Vec<BodyColumn>,
    outer: Vec<(Leaf, Type)>,
}

struct BodyColumn {
    name: String,
    data_type: DataType,
    source: BodySource,
}

/// Where a body's column comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum BodySource {
    /// The item itself.
    Item,
    /// A member of the item, by name.
    Member(String),
    /// An argument behind the list.
    Outer(usize),
}

impl Leaves for Body<'_> {
    fn leaf(&mut self, leaf: &Leaf, type_: &Type) -> crate::error::Result<Expr> {
        let source = match leaf {
            Leaf::Item(name) if name == self.variable => BodySource::Item,
            Leaf::Field(Root::Named(name), path) if name == self.variable => {
                BodySource::Member(path.to_string())
            }
            other => {
                let known = self.outer.iter().position(|(known, _)| known == other);
                BodySource::Outer(known.unwrap_or_else(|| {
                    self.outer.push((other.clone(), type_.clone()));
                    self.outer.len() - 1
                }))
            }
        };
        let known =
            self.columns.iter().find(|column| column.source == source).map(|column| column.name.clone());
        let name = known.unwrap_or_else(|| {
            let name = format!("b{}", self.columns.len());
            self.columns.push(BodyColumn { name: name.clone(), data_type: arrow(type_), source });
            name
        });
        Ok(ident(name))
    }

    fn members(&self, _: &Children) -> Vec<(Path, Type)> {
        self.members.clone()
    }
}

/// A comprehension as a scalar function.
#[derive(Debug)]
struct Loop {
    comprehension: Comprehension,
    /// The body's tree, which says whether two are the same.
    tree: String,
    item: Type,
    returns: Type,
    mode: Mode,
    sources: Vec<BodySource>,
    schema: Arc<Schema>,
    body: Arc<dyn PhysicalExpr>,
    signature: Signature,
}

impl PartialEq for Loop {
    fn eq(&self, other: &Loop) -> bool {
        (self.comprehension, &self.tree, &self.returns, self.mode, &self.sources)
            == (other.comprehension, &other.tree, &other.returns, other.mode, &other.sources)
    }
}

impl Eq for Loop {}

impl Hash for Loop {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.comprehension, &self.tree, self.mode).hash(state);
    }
}

impl ScalarUDFImpl for Loop {
    fn name(&self) -> &str {
        match self.comprehension {
            Comprehension::Exists => "exists",
            Comprehension::All => "all",
            Comprehension::ExistsOne => "exists_one",
            Comprehension::Map => "map",
            Comprehension::Filter => "filter",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, given: &[DataType]) -> Result<DataType> {
        match (self.comprehension, given.first()) {
            // Records keep the members that they have.
            (Comprehension::Filter, Some(list)) => Ok(list.clone()),
            _ => Ok(arrow(&self.returns)),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arguments = Arguments::new(args.args, args.number_rows)?;
        let lists = arguments.list(0)?;
        let (items, belongs, lengths) = flattened(&lists, arguments.rows)?;
        let asked = self.asked(&items, &belongs, &arguments)?;
        let array = self.gathered(&items, asked, &lengths)?;
        Ok(match arguments.are_constant() {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?),
            false => ColumnarValue::Array(array),
        })
    }
}

impl Loop {
    /// What the body makes of every item.
    fn asked(&self, items: &ArrayRef, belongs: &[u32], arguments: &Arguments) -> Result<ArrayRef> {
        let mut columns = Vec::with_capacity(self.sources.len());
        for (source, field) in self.sources.iter().zip(self.schema.fields()) {
            let column = match source {
                BodySource::Item => cast(items, &arrow(&self.item))?,
                BodySource::Member(name) => {
                    let member = items.as_struct_opt().and_then(|record| record.column_by_name(name));
                    let missing = || DataFusionError::Internal(format!("the items have no {name}"));
                    Arc::clone(member.ok_or_else(missing)?)
                }
                BodySource::Outer(at) => {
                    let (array, constant) = arguments.array(at + 1)?;
                    let places = if constant { vec![0; belongs.len()] } else { belongs.to_vec() };
                    taken(array, places)?
                }
            };
            debug_assert_eq!(column.data_type(), field.data_type());
            columns.push(column);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(items.len()));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?;
        self.body.evaluate(&batch)?.into_array(items.len())
    }

    /// The answers of all items, brought together per list.
    fn gathered(&self, items: &ArrayRef, asked: ArrayRef, lengths: &[Option<usize>]) -> Result<ArrayRef> {
        match self.comprehension {
            Comprehension::Map => {
                let values = match &self.returns {
                    Type::List(item) => cast(&asked, &in_list(item))?,
                    _ => asked,
                };
                listed(values, lengths.to_vec())
            }
            Comprehension::Filter => {
                let kept = booleans(&asked)?;
                let mut at = 0;
                let kept_of = |length: &Option<usize>| {
                    let length = (*length)?;
                    let range = at..at + length;
                    at += length;
                    Some(range.filter(|place| kept.is_valid(*place) && kept.value(*place)).count())
                };
                let lengths = lengths.iter().map(kept_of).collect();
                listed(filter(items, kept)?, lengths)
            }
            Comprehension::Exists | Comprehension::All | Comprehension::ExistsOne => {
                let answers = booleans(&asked)?;
                let mut at = 0;
                let of_list = |length: &Option<usize>| {
                    let length = (*length)?;
                    let range = at..at + length;
                    at += length;
                    decided(
                        self.comprehension,
                        range.map(|place| answers.is_valid(place).then(|| answers.value(place))),
                    )
                };
                Ok(Arc::new(lengths.iter().map(of_list).collect::<BooleanArray>()))
            }
        }
    }
}

fn booleans(asked: &ArrayRef) -> Result<&BooleanArray> {
    asked.as_boolean_opt().ok_or_else(|| DataFusionError::Internal("a body that is no condition".into()))
}

/// One answer for a list: as `||` for `exists`, as `&&` for `all`.
fn decided(comprehension: Comprehension, answers: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let (mut is_true, mut is_false, mut unknown) = (0, 0, 0);
    for answer in answers {
        match answer {
            Some(true) => is_true += 1,
            Some(false) => is_false += 1,
            None => unknown += 1,
        }
    }
    match comprehension {
        Comprehension::Exists if is_true > 0 => Some(true),
        Comprehension::All if is_false > 0 => Some(false),
        _ if unknown > 0 => None,
        Comprehension::Exists => Some(false),
        Comprehension::All => Some(true),
        _ => Some(is_true == 1),
    }
}

fn listed(values: ArrayRef, lengths: Vec<Option<usize>>) -> Result<ArrayRef> {
    let nulls = NullBuffer::from_iter(lengths.iter().map(Option::is_some));
    let offsets = OffsetBuffer::from_lengths(lengths.into_iter().map(Option::unwrap_or_default));
    let field = Arc::new(Field::new_list_field(values.data_type().clone(), true));
    Ok(Arc::new(ListArray::try_new(field, offsets, values, Some(nulls))?))
}
