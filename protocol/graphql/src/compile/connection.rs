//! Lists of records: root lists and related lists take the same arguments and give the same connection.

use quarry_planner::{
    Query,
    objectql::{Filter, Order, Search},
};

use super::{
    AggregatePlan, Arguments, Compiler, CursorPlan, KeyBytes, Level, ObjectPlan,
    aggregate::Aggregates,
    cursor::{Ordering, Side},
    filter::{Place, all, invalid},
    key_bytes,
    record::ToMany,
    text_bytes, unknown_field,
};
use crate::{
    collect::Asked,
    error::{Failure, Fault, Result},
    model::{Kind, ObjectType, Way},
    schema::PAGE_INFO,
};

/// A list to fetch and how it is written.
pub(crate) struct ConnectionPlan {
    pub items: Vec<(KeyBytes, ConnectionItem)>,
    pub page: Page,
    pub cursors: CursorPlan,
    pub count: CountFrom,
    /// The records, at a root; those of a related list come with their parents.
    pub rows: Option<Query>,
    /// Numbers over all that match, page or not.
    pub aggregate: Option<Query>,
    /// In the order of [`ConnectionItem::Groups`].
    pub groups: Vec<AggregatePlan>,
    /// The lookup that leads to the parent, for numbers per parent.
    pub lookup: Option<String>,
}

/// One field of a connection.
pub(crate) enum ConnectionItem {
    Text(Vec<u8>),
    TotalCount,
    Nodes(ObjectPlan),
    Edges(Vec<(KeyBytes, EdgeItem)>),
    PageInfo(Vec<(KeyBytes, PageItem)>),
    Aggregate(ObjectPlan),
    Groups(usize),
}

/// One field of an edge.
pub(crate) enum EdgeItem {
    Text(Vec<u8>),
    Node(ObjectPlan),
    Cursor,
}

/// One field of a `PageInfo`.
pub(crate) enum PageItem {
    Text(Vec<u8>),
    HasNext,
    HasPrevious,
    Start,
    End,
}

/// Where `totalCount` comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CountFrom {
    /// Not asked for.
    Nowhere,
    /// The answer that holds the records.
    Rows,
    /// The question for aggregates.
    Aggregate,
}

/// Which part of a list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    /// Records at most.
    pub limit: u64,
    /// One record more is fetched, to see whether there is one.
    pub probes: bool,
    /// The records come from the end of the list, last first.
    pub backwards: bool,
    /// Something stands before the page for sure, or behind it.
    pub follows: bool,
    pub precedes: bool,
    /// Records stepped over.
    pub offset: u64,
}

/// What the arguments say.
struct Listing {
    base: Option<Filter>,
    search: Option<Search>,
    ordering: Ordering,
    bounds: Vec<Filter>,
    page: Page,
}

impl<'a> Compiler<'a> {
    /// A list at the root.
    ///
    /// # Errors
    ///
    /// Those of its arguments and fields.
    pub fn root_connection(&self, object: &ObjectType, asked: &Asked<'a>) -> Result<ConnectionPlan> {
        let listing = self.listing(object, asked)?;
        let (mut plan, level) = self.connection(object, asked, &listing)?;
        if plan.wants_rows() {
            let count = plan.count == CountFrom::Rows;
            plan.rows =
                Some(Query { object: object.name.to_string(), count, ..listing.rows(level, plan.page) });
        }
        Ok(plan)
    }

    /// A list of related records; its question is added to `parent`.
    ///
    /// # Errors
    ///
    /// Those of its arguments and fields; `Unsupported` for groups.
    pub fn nested_connection(&self, way: &Way, asked: &Asked<'a>, parent: &mut Level) -> Result<ToMany> {
        let object = self.model.target(way)?;
        let listing = self.listing(object, asked)?;
        let (mut connection, level) = self.connection(object, asked, &listing)?;
        if !connection.groups.is_empty() {
            let message = "groups are offered on lists at the root; group there by the lookup to the parent";
            return Err(Failure::new(Fault::Unsupported, message));
        }
        connection.lookup = Some(way.lookup.to_string());
        let column = connection.wants_rows().then(|| {
            let count = connection.count == CountFrom::Rows;
            parent.expand(way.relation.as_str(), Query { count, ..listing.rows(level, connection.page) })
        });
        let counts = connection.aggregate.is_some();
        let site = self.sites.replace(self.sites.get() + 1);
        Ok(ToMany { site, column, parent: counts.then(|| parent.column("id")), connection })
    }

    fn listing(&self, object: &ObjectType, asked: &Asked<'_>) -> Result<Listing> {
        let mut arguments = Arguments::of(self, asked);
        let place = Place { object, prefix: "", at: "where" };
        let base = arguments.take("where").map(|value| self.condition(place, &value)).transpose()?;
        let search = arguments.text("search")?.map(|text| Search { text, fields: Vec::new() });
        let place = Place { at: "orderBy", ..place };
        let orders: Vec<_> =
            arguments.list("orderBy").iter().map(|value| self.order(place, value)).collect::<Result<_>>()?;
        let ordering = Ordering::new(orders, search.is_some());
        let (page, bounds) = self.page(&mut arguments, &ordering)?;
        arguments.finish()?;
        Ok(Listing { base, search, ordering, bounds, page })
    }

    fn page(&self, arguments: &mut Arguments, ordering: &Ordering) -> Result<(Page, Vec<Filter>)> {
        let (first, last) = (arguments.count("first")?, arguments.count("last")?);
        let (after, before) = (arguments.text("after")?, arguments.text("before")?);
        let mut offset = arguments.count("offset")?.unwrap_or(0);
        if first.is_some() && last.is_some() {
            return Err(invalid("first and last can't be used together; choose one end of the list".into()));
        }
        if offset > 0 && (last.is_some() || after.is_some() || before.is_some()) {
            return Err(invalid(
                "offset counts from the start of the list; use it without after, before and last".into(),
            ));
        }
        if ordering.ranked && (last.is_some() || before.is_some()) {
            let message =
                "a list ranked by its search is read from its start; give an orderBy to use last and before";
            return Err(Failure::new(Fault::Unsupported, message));
        }
        let limit = first.or(last).unwrap_or(self.limits.first_default);
        if limit > self.limits.first_max {
            let allowed = self.limits.first_max;
            let message = format!("records of a list: {limit} asked, {allowed} allowed; read page by page");
            return Err(Failure::new(Fault::Limit, message).with("limit", allowed));
        }
        let follows = after.is_some() || offset > 0;
        let mut bounds = Vec::new();
        match after {
            Some(cursor) if ordering.ranked => offset = ordering.position(&cursor)?.saturating_add(1),
            Some(cursor) => bounds.push(ordering.beyond(&cursor, Side::After)?),
            None => {}
        }
        if let Some(cursor) = &before {
            bounds.push(ordering.beyond(cursor, Side::Before)?);
        }
        let precedes = before.is_some();
        Ok((Page { limit, probes: false, backwards: last.is_some(), follows, precedes, offset }, bounds))
    }

    fn connection(
        &self,
        object: &ObjectType,
        asked: &Asked<'a>,
        listing: &Listing,
    ) -> Result<(ConnectionPlan, Level)> {
        let mut level = Level::default();
        let mut aggregates = Aggregates::default();
        let mut plan = ConnectionPlan::new(listing.page);
        let type_name = format!("{}Connection", object.type_name);
        for (key, asked) in self.collector.fields(&type_name, &asked.sets)? {
            let name = asked.field.name.node.as_str();
            let item = match name {
                "__typename" => Ok(ConnectionItem::Text(text_bytes(&type_name))),
                "totalCount" => Ok(ConnectionItem::TotalCount),
                "nodes" => self.object(object, &asked.sets, &mut level).map(ConnectionItem::Nodes),
                "edges" => self.edges(object, &asked, &mut level).map(ConnectionItem::Edges),
                "pageInfo" => self.page_info(&asked).map(ConnectionItem::PageInfo),
                "aggregate" => self.aggregate(object, &asked, &mut aggregates).map(ConnectionItem::Aggregate),
                "groups" => self.groups(object, &asked).map(|mut groups| {
                    listing.narrow(object, &mut groups.query);
                    plan.groups.push(groups);
                    ConnectionItem::Groups(plan.groups.len() - 1)
                }),
                _ => Err(unknown_field(&type_name, name)),
            };
            plan.items.push((key_bytes(key), item.map_err(|failure| failure.at(asked.position))?));
        }
        if plan.wants_cursors() {
            plan.cursors = listing.ordering.plan(&mut level);
        }
        plan.page.probes = plan.asks_page(|item| matches!(item, PageItem::HasNext | PageItem::HasPrevious));
        let counts = plan.items.iter().any(|(_, item)| matches!(item, ConnectionItem::TotalCount));
        let counts_rows = plan.wants_rows() && listing.bounds.is_empty() && aggregates.is_empty();
        plan.count = match (counts, counts_rows) {
            (false, _) => CountFrom::Nowhere,
            (true, true) => CountFrom::Rows,
            (true, false) => CountFrom::Aggregate,
        };
        if plan.count == CountFrom::Aggregate || !aggregates.is_empty() {
            let mut query = aggregates.finish();
            listing.narrow(object, &mut query);
            plan.aggregate = Some(query);
        }
        Ok((plan, level))
    }

    fn edges(
        &self,
        object: &ObjectType,
        asked: &Asked<'a>,
        level: &mut Level,
    ) -> Result<Vec<(KeyBytes, EdgeItem)>> {
        let type_name = format!("{}Edge", object.type_name);
        let mut items = Vec::new();
        for (key, asked) in self.collector.fields(&type_name, &asked.sets)? {
            let item = match asked.field.name.node.as_str() {
                "__typename" => EdgeItem::Text(text_bytes(&type_name)),
                "node" => EdgeItem::Node(self.object(object, &asked.sets, level)?),
                "cursor" => EdgeItem::Cursor,
                name => return Err(unknown_field(&type_name, name).at(asked.position)),
            };
            items.push((key_bytes(key), item));
        }
        Ok(items)
    }

    fn page_info(&self, asked: &Asked<'a>) -> Result<Vec<(KeyBytes, PageItem)>> {
        let mut items = Vec::new();
        for (key, asked) in self.collector.fields(PAGE_INFO, &asked.sets)? {
            let item = match asked.field.name.node.as_str() {
                "__typename" => PageItem::Text(text_bytes(PAGE_INFO)),
                "hasNextPage" => PageItem::HasNext,
                "hasPreviousPage" => PageItem::HasPrevious,
                "startCursor" => PageItem::Start,
                "endCursor" => PageItem::End,
                name => return Err(unknown_field(PAGE_INFO, name).at(asked.position)),
            };
            items.push((key_bytes(key), item));
        }
        Ok(items)
    }
}

impl Listing {
    /// The question for the page's records.
    fn rows(&self, level: Level, page: Page) -> Query {
        let filters = self.base.iter().chain(&self.bounds).cloned();
        Query {
            filter: all(filters),
            search: self.search.clone(),
            order_by: self.ordering.orders(page.backwards),
            limit: Some(page.limit.saturating_add(u64::from(page.probes))),
            offset: (page.offset > 0).then_some(page.offset),
            ..level.finish()
        }
    }

    /// Makes a question for numbers one about the records of this list, on every page.
    fn narrow(&self, object: &ObjectType, query: &mut Query) {
        query.object = object.name.to_string();
        query.filter.clone_from(&self.base);
        query.search.clone_from(&self.search);
    }
}

impl Ordering {
    /// The order asked; then by rank when there is a search and no order; then by id, so that it is total.
    fn new(mut keys: Vec<(Order, Kind)>, searches: bool) -> Self {
        let ranked = searches && keys.is_empty();
        if ranked {
            let rank = Order { path: "_score".into(), descending: true, nulls_first: false };
            keys.push((rank, Kind::Decimal));
        }
        let id = keys.iter().position(|(order, _)| order.path == "id");
        match id {
            Some(position) => keys.truncate(position + 1),
            None => {
                let id = Order { path: "id".into(), descending: false, nulls_first: false };
                keys.push((id, Kind::Id));
            }
        }
        Self { keys, ranked }
    }
}

impl ConnectionPlan {
    fn new(page: Page) -> Self {
        Self {
            items: Vec::new(),
            page,
            cursors: CursorPlan::Position,
            count: CountFrom::Nowhere,
            rows: None,
            aggregate: None,
            groups: Vec::new(),
            lookup: None,
        }
    }

    /// The plans of its records.
    pub fn objects(&self) -> impl Iterator<Item = &ObjectPlan> {
        self.items.iter().flat_map(|(_, item)| -> Vec<&ObjectPlan> {
            match item {
                ConnectionItem::Nodes(object) => vec![object],
                ConnectionItem::Edges(items) => {
                    let nodes = items.iter().filter_map(|(_, item)| match item {
                        EdgeItem::Node(object) => Some(object),
                        _ => None,
                    });
                    nodes.collect()
                }
                _ => Vec::new(),
            }
        })
    }

    fn wants_rows(&self) -> bool {
        let rows = |item: &ConnectionItem| {
            matches!(item, ConnectionItem::Nodes(_) | ConnectionItem::Edges(_) | ConnectionItem::PageInfo(_))
        };
        self.items.iter().any(|(_, item)| rows(item))
    }

    fn wants_cursors(&self) -> bool {
        let cursor = |item: &ConnectionItem| match item {
            ConnectionItem::Edges(items) => items.iter().any(|(_, item)| matches!(item, EdgeItem::Cursor)),
            _ => false,
        };
        self.items.iter().any(|(_, item)| cursor(item))
            || self.asks_page(|item| matches!(item, PageItem::Start | PageItem::End))
    }

    fn asks_page(&self, wanted: impl Fn(&PageItem) -> bool) -> bool {
        self.items.iter().any(|(_, item)| match item {
            ConnectionItem::PageInfo(items) => items.iter().any(|(_, item)| wanted(item)),
            _ => false,
        })
    }
}
