//! The store against a model: random transactions, folds and reopenings; every access path must tell what a map
//! tells, now and for every snapshot still held.

use std::{collections::BTreeMap, fs, ops::Bound, path::Path, sync::Arc};

use rand::{Rng, SeedableRng, rngs::StdRng};

use super::support::*;
use crate::{
    BoundIs, ColumnBound, ColumnSpec, ColumnType, Condition, ConditionIs, Error, First, IndexSpec, Order,
    Resources, Row, ScanRequest, Snapshot, Store, StoreOptions, TableSnapshot, TableSpec, TextQuery,
    TextSyntax, Ties, Value, World, WriteSet,
};

type Model = BTreeMap<String, Row>;

const WORDS: [&str; 5] = ["alpha", "beta", "gamma", "delta", "omega"];
const AREAS: [&str; 4] = ["", "north", "south", "south pole"];

const NAME: usize = 1;
const CODE: usize = 2;
const RANK: usize = 3;
const AREA: usize = 4;
const SLOT: usize = 5;
const HEAD: usize = 6;

/// Histories that are tried; more of them find more.
const SEEDS: u64 = 6;

/// Columns of each kind of index, and constraints of each kind.
fn thing() -> TableSpec {
    let indexed = |column| ColumnSpec { indexed: true, ..column };
    let once = |name: &str, columns: &[&str], conditions: Vec<Condition>| IndexSpec {
        name: name.into(),
        columns: columns.iter().map(|column| (*column).into()).collect(),
        conditions,
    };
    let is_head = Condition { column: "head".into(), is: ConditionIs::Bool(true) };
    TableSpec {
        name: "thing".into(),
        columns: vec![
            column("id", ColumnType::Text),
            ColumnSpec { searchable: true, ..indexed(column("name", ColumnType::Text)) },
            column("code", ColumnType::Text),
            indexed(column("rank", ColumnType::Int)),
            column("area", ColumnType::Text),
            column("slot", ColumnType::Int),
            column("head", ColumnType::Bool),
        ],
        unique: vec![
            once("code_once", &["code"], vec![]),
            once("place_once", &["area", "slot"], vec![]),
            once("one_head", &["area"], vec![is_head]),
        ],
        references: vec![],
    }
}

struct Run {
    random: StdRng,
    folder: tempfile::TempDir,
    resources: Arc<Resources>,
    delta_bytes_target: u64,
    store: Arc<Store>,
    model: Model,
    held: Vec<(Snapshot, Model)>,
}

fn open_small(folder: &Path, resources: &Arc<Resources>, delta_bytes_target: u64) -> Arc<Store> {
    let options = StoreOptions {
        log_file_bytes: 4 << 10,
        row_group_rows: 4,
        load_bytes_target: 2 << 10,
        delta_bytes_target,
        ..options()
    };
    let store = Store::open(folder, options, World::seeded(7, 0), resources).unwrap();
    store.define_tables(vec![thing()]).unwrap();
    store
}

#[test]
fn the_store_does_what_a_map_does() {
    for seed in seeds(SEEDS) {
        let folder = tempfile::tempdir().unwrap();
        let resources = small_cache(64 << 10);
        // With odd seeds, the delta is folded in the background all the time, and so in other instants each time.
        let delta_bytes_target = if seed % 2 == 0 { 1 << 20 } else { 4 << 10 };
        let store = open_small(folder.path(), &resources, delta_bytes_target);
        let random = StdRng::seed_from_u64(seed);
        let (model, held) = (Model::new(), vec![]);
        let mut run = Run { random, folder, resources, delta_bytes_target, store, model, held };
        for step in 0..40 {
            let context = format!("seed {seed}, step {step}");
            match run.random.random_range(0..22) {
                0..14 => run.transaction(&context),
                14 => {
                    run.store.fold().unwrap();
                }
                15 => run.reopen(),
                16 => run.crash(),
                20..22 => run.load(&context),
                17 => run.held.push((run.store.snapshot(), run.model.clone())),
                _ => run.check(&context),
            }
        }
        run.check(&format!("seed {seed}, at the end"));
    }
}

impl Run {
    fn row(&mut self, key: &str) -> Row {
        let random = &mut self.random;
        let words = random.random_range(0..4);
        let words: Vec<_> = (0..words).map(|_| WORDS[random.random_range(0..WORDS.len())]).collect();
        let name = if random.random_ratio(1, 6) { long_name(random) } else { words.join(" ") };
        let code = if random.random_ratio(1, 3) { String::new() } else { code(random) };
        let slot = if random.random_ratio(1, 4) { Value::Null } else { slot(random) };
        let head = [Value::Null, Value::Bool(false), Value::Bool(false), Value::Bool(true)];
        let head = head[if random.random_ratio(1, 8) { 3 } else { random.random_range(0..3) }].clone();
        let area = text(AREAS[random.random_range(0..AREAS.len())]);
        let rank = Value::Int(random.random_range(0..4));
        Row([text(key), text(&name), text(&code), rank, area, slot, head].into())
    }

    fn transaction(&mut self, context: &str) {
        let mut writes = WriteSet::new(self.store.snapshot().csn());
        let mut next = self.model.clone();
        let mut marks = vec![(writes.savepoint(), next.clone())];
        let table = name("thing");
        for _ in 0..self.random.random_range(1..12) {
            let key = format!("key{:02}", self.random.random_range(0..40));
            let new = self.row(&key);
            match (next.get(&key).cloned(), self.random.random_range(0..4)) {
                (None, _) => {
                    writes.insert(&table, new.clone()).unwrap();
                    next.insert(key, new);
                }
                (Some(old), 0) => {
                    writes.delete(&table, old).unwrap();
                    next.remove(&key);
                }
                (Some(old), _) => {
                    writes.update(&table, old, new.clone()).unwrap();
                    next.insert(key, new);
                }
            }
            match self.random.random_range(0..12) {
                0 => marks.push((writes.savepoint(), next.clone())),
                1 => {
                    let back = self.random.random_range(0..marks.len());
                    marks.truncate(back + 1);
                    writes.rollback_to(marks[back].0);
                    next = marks[back].1.clone();
                }
                _ => {}
            }
        }
        let own = self.store.snapshot().with_writes(&writes);
        check(&own, &next, &mut self.random, &format!("{context}, own writes"));
        let is_broken = breaks_a_constraint(&next);
        match self.store.commit(writes, info()) {
            Ok(_) => {
                assert!(!is_broken, "{context}: a constraint is broken");
                self.model = next;
            }
            Err(Error::UniqueViolation { .. }) => assert!(is_broken, "{context}: no constraint is broken"),
            Err(error) => panic!("{context}: {error}"),
        }
    }

    /// A bulk load of rows in any order, some of which may not be loaded.
    fn load(&mut self, context: &str) {
        let mut load = self.store.bulk_load();
        let mut next = self.model.clone();
        let mut is_twice = false;
        for _ in 0..self.random.random_range(0..10) {
            let key = format!("key{:02}", self.random.random_range(0..40));
            if next.contains_key(&key) && self.random.random_ratio(9, 10) {
                continue;
            }
            let new = self.row(&key);
            is_twice |= next.insert(key, new.clone()).is_some();
            match load.add(&name("thing"), new) {
                Ok(()) => {}
                Err(Error::DuplicateKey { .. }) => {
                    assert!(is_twice, "{context}: no key twice");
                    return;
                }
                Err(error) => panic!("{context}: {error}"),
            }
        }
        if self.random.random_ratio(1, 5) {
            return;
        }
        match load.commit(info()) {
            Ok(_) => {
                assert!(!is_twice, "{context}: a key twice");
                assert!(!breaks_a_constraint(&next), "{context}: a constraint is broken by a load");
                self.model = next;
            }
            Err(Error::DuplicateKey { .. }) => assert!(is_twice, "{context}: no key twice"),
            Err(Error::UniqueViolation { .. }) => {
                assert!(breaks_a_constraint(&next), "{context}: no constraint is broken by a load");
            }
            Err(error) => panic!("{context}: {error}"),
        }
    }

    fn reopen(&mut self) {
        self.held.clear();
        self.store.close().unwrap();
        self.store = open_small(self.folder.path(), &self.resources, self.delta_bytes_target);
    }

    /// Goes on with a copy of the files as they are while the store is open: what `kill -9` would leave.
    fn crash(&mut self) {
        let copy = tempfile::tempdir().unwrap();
        let mut load = self.store.bulk_load();
        for number in 0..self.random.random_range(0..30) {
            let key = format!("key{number:02}");
            let row = self.row(&key);
            load.add(&name("thing"), row).unwrap();
        }
        self.store.folding.stop();
        copy_folder(self.folder.path(), copy.path());
        drop(load);
        self.held.clear();
        self.store = open_small(copy.path(), &self.resources, self.delta_bytes_target);
        self.folder = copy;
    }

    fn check(&mut self, context: &str) {
        check(&self.store.snapshot(), &self.model, &mut self.random, context);
        for (snapshot, model) in &self.held {
            check(snapshot, model, &mut self.random, &format!("{context}, held {:?}", snapshot.csn()));
        }
    }
}

fn code(random: &mut StdRng) -> String {
    format!("code{}", random.random_range(0..200))
}

fn slot(random: &mut StdRng) -> Value {
    Value::Int(random.random_range(-30..30))
}

/// Texts that an index cuts at the same place.
fn long_name(random: &mut StdRng) -> String {
    "m".repeat(1_024) + ["", "a", "ab", "b"][random.random_range(0..4)]
}

fn breaks_a_constraint(model: &Model) -> bool {
    let is_repeated = |values: &mut Vec<String>| {
        let count = values.len();
        values.sort();
        values.dedup();
        values.len() < count
    };
    let of = |columns: &[usize], counts: &dyn Fn(&Row) -> bool| -> Vec<String> {
        let counted = model.values().filter(|row| counts(row));
        let values = counted.map(|row| columns.iter().map(|at| row.get(*at)).collect::<Vec<_>>());
        values.filter(|values| !values.iter().any(|v| v.is_null())).map(|v| format!("{v:?}")).collect()
    };
    is_repeated(&mut of(&[CODE], &|_| true))
        || is_repeated(&mut of(&[AREA, SLOT], &|_| true))
        || is_repeated(&mut of(&[AREA], &|row| row.get(HEAD) == &Value::Bool(true)))
}

pub fn copy_folder(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            fs::create_dir(&to).unwrap();
            copy_folder(&path, &to);
        } else {
            fs::copy(&path, &to).unwrap();
        }
    }
}

fn keys_where(model: &Model, matches: impl Fn(&Row) -> bool) -> Vec<String> {
    model.iter().filter(|(_, row)| matches(row)).map(|(key, _)| key.clone()).collect()
}

fn check(snapshot: &Snapshot, model: &Model, random: &mut StdRng, context: &str) {
    let wanted: Vec<Row> = model.values().cloned().collect();
    assert_eq!(all(snapshot, "thing"), wanted, "{context}: scan");
    let table = snapshot.table("thing").unwrap();
    assert_eq!(table.statistics().rows, u64::try_from(model.len()).unwrap(), "{context}: count");
    for number in 0..40 {
        let key = format!("key{number:02}");
        assert_eq!(table.get(&key).unwrap().as_ref(), model.get(&key), "{context}: get {key}");
    }
    let chosen = |rows| keys(snapshot, "thing", ScanRequest { rows: Some(rows), ..ScanRequest::default() });
    for rank in 0..4 {
        let wanted = keys_where(model, |row| row.get(RANK) == &Value::Int(rank));
        assert_eq!(found(snapshot, "thing", "rank", Value::Int(rank)), wanted, "{context}: rank {rank}");
        let estimate = table.estimate_lookup("rank", &[Value::Int(rank)]).unwrap();
        assert!(estimate >= u64::try_from(wanted.len()).unwrap(), "{context}: about {estimate}");
    }
    let no_code = keys_where(model, |row| row.get(CODE).is_null());
    assert_eq!(found(snapshot, "thing", "code", Value::Null), no_code, "{context}: no code");
    for pair in WORDS.windows(2) {
        let has = |row: &Row, word| matches!(row.get(NAME), Value::Text(text) if text.contains(word));
        let wanted = keys_where(model, |row| pair.iter().all(|word| has(row, word)));
        let query = TextQuery { columns: vec![], text: pair.join(" "), syntax: TextSyntax::Words };
        let hits = table.search(&query).unwrap();
        assert_eq!(chosen(hits.rows().clone()), wanted, "{context}: search {pair:?}");
    }
    for _ in 0..3 {
        let (area, slot) = (text(AREAS[random.random_range(0..AREAS.len())]), slot(random));
        let wanted =
            keys_where(model, |row| !area.is_null() && row.get(AREA) == &area && row.get(SLOT) == &slot);
        let rows = table.lookup_unique("place_once", &[area.clone(), slot.clone()]).unwrap();
        assert_eq!(chosen(rows), wanted, "{context}: {area:?} {slot:?}");
        let wanted = keys_where(model, |row| {
            !area.is_null() && row.get(AREA) == &area && row.get(HEAD) == &Value::Bool(true)
        });
        let rows = table.lookup_unique("one_head", std::slice::from_ref(&area)).unwrap();
        assert_eq!(chosen(rows), wanted, "{context}: head of {area:?}");
        check_range(&table, &chosen, model, random, context);
        check_first(&table, model, random, context);
    }
}

/// The first rows by a column are given, in any order, and each row once; of all rows and of some of them.
fn check_first(table: &TableSnapshot, model: &Model, random: &mut StdRng, context: &str) {
    let some = random.random_ratio(1, 2).then(|| Value::Int(random.random_range(0..4)));
    // Of all rows by an index, of some by any column.
    let columns: &[usize] =
        if some.is_some() { &[0, NAME, CODE, RANK, AREA, SLOT, HEAD] } else { &[0, NAME, CODE, RANK] };
    let column = columns[random.random_range(0..columns.len())];
    let order = Order { is_descending: random.random(), nulls_first: random.random() };
    let ties = [None, Some(Ties::Ascending), Some(Ties::Descending)][random.random_range(0..3)];
    let first = First { column, order, rows: random.random_range(0..4), ties };
    let context = format!("{context}: {first:?} of rank {some:?}");
    let mut sorted: Vec<&Row> =
        model.values().filter(|row| some.as_ref().is_none_or(|rank| row.get(RANK) == rank)).collect();
    sorted.sort_by(|a, b| {
        let (a, b) = (a.get(column), b.get(column));
        let nulls = a.is_null().cmp(&b.is_null());
        let nulls = if order.nulls_first { nulls.reverse() } else { nulls };
        nulls.then(if order.is_descending { b.compare(a) } else { a.compare(b) })
    });
    // What comes of equal ones: by their keys, or all of them.
    for equal in sorted.chunk_by_mut(|a, b| a.get(column).compare(b.get(column)).is_eq()) {
        equal.sort_by_key(|row| row.key().unwrap().to_string());
        if ties == Some(Ties::Descending) {
            equal.reverse();
        }
    }
    let least = first.rows.min(sorted.len());
    let is_last = |row: &&&Row| {
        ties.is_none() && least > 0 && row.get(column).compare(sorted[least - 1].get(column)).is_eq()
    };
    let wanted = sorted.iter().take(least).chain(sorted.iter().skip(least).filter(is_last));
    let wanted: Vec<String> = wanted.map(|row| row.key().unwrap().to_string()).collect();
    let rows = some.map(|rank| table.lookup("rank", &[rank]).unwrap());
    let request = ScanRequest { first: Some(first), rows, projection: Some(vec![0]), ..Default::default() };
    let mut given = keys_of(table.scan(request).unwrap());
    let count = given.len();
    given.sort();
    given.dedup();
    assert_eq!(given.len(), count, "{context}: a row twice");
    assert!(count <= sorted.len(), "{context}: too many rows");
    assert!(wanted.iter().all(|key| given.contains(key)), "{context}: {wanted:?} of {given:?}");
}

fn check_range(
    table: &TableSnapshot,
    chosen: &dyn Fn(crate::RowSet) -> Vec<String>,
    model: &Model,
    random: &mut StdRng,
    context: &str,
) {
    let (column, mut value): (usize, Box<dyn FnMut() -> Value>) = match random.random_range(0..4) {
        0 => (0, Box::new(|| Value::text(format!("key{:02}", random.random_range(0..41))))),
        1 => (CODE, Box::new(|| Value::text(code(random)))),
        2 => (RANK, Box::new(|| Value::Int(random.random_range(-1..5)))),
        _ => (
            NAME,
            Box::new(|| {
                Value::text(if random.random_ratio(1, 2) {
                    long_name(random)
                } else {
                    WORDS[random.random_range(0..WORDS.len())].to_string()
                })
            }),
        ),
    };
    let (low, high) = (value(), value());
    drop(value);
    let mut bound = |value| match random.random_range(0..5) {
        0 => Bound::Unbounded,
        1 | 2 => Bound::Included(value),
        _ => Bound::Excluded(value),
    };
    let (lower, upper) = (bound(&low), bound(&high));
    let name = table.spec().columns[column].name.clone();
    let context = format!("{context}: {name} from {lower:?} to {upper:?}");
    let wanted = keys_where(model, |row| {
        let value = row.get(column);
        let behind = match lower {
            Bound::Unbounded => true,
            Bound::Included(lower) => value.compare(lower).is_ge(),
            Bound::Excluded(lower) => value.compare(lower).is_gt(),
        };
        let before = match upper {
            Bound::Unbounded => true,
            Bound::Included(upper) => value.compare(upper).is_le(),
            Bound::Excluded(upper) => value.compare(upper).is_lt(),
        };
        !value.is_null() && behind && before
    });
    assert_eq!(chosen(table.range(&name, lower, upper).unwrap()), wanted, "{context}");
    let between = BoundIs::Between(lower.map(Value::clone), upper.map(Value::clone));
    let either = BoundIs::In(vec![low.clone(), high.clone(), Value::Null]);
    let is_either = |row: &Row| row.get(column) == &low || row.get(column) == &high;
    check_bound(table, ColumnBound { column, is: between }, &wanted, &context);
    check_bound(table, ColumnBound { column, is: either }, &keys_where(model, is_either), &context);
    let nulls = keys_where(model, |row| row.get(column).is_null());
    check_bound(table, ColumnBound { column, is: BoundIs::Null }, &nulls, &context);
    let others = keys_where(model, |row| !row.get(column).is_null());
    check_bound(table, ColumnBound { column, is: BoundIs::NotNull }, &others, &context);
    check_statistics(table, column, model, &context);
    let estimate = table.estimate_range(&name, lower, upper).unwrap();
    let is_counted = column == RANK || column == 0;
    assert!(!is_counted || estimate >= u64::try_from(wanted.len()).unwrap(), "{context}: about {estimate}");
    let Value::Text(prefix) = &low else { return };
    let prefix: String = prefix.chars().take(random.random_range(0..prefix.len() + 1)).collect();
    let wanted =
        keys_where(model, |row| matches!(row.get(column), Value::Text(text) if text.starts_with(&prefix)));
    assert_eq!(chosen(table.prefix(&name, &prefix).unwrap()), wanted, "{context}: {prefix:?}…");
}

/// A scan within a bound has all rows that meet it, and each row once.
fn check_bound(table: &TableSnapshot, bound: ColumnBound, wanted: &[String], context: &str) {
    let context = format!("{context}: {:?}", bound.is);
    let request = ScanRequest {
        bounds: vec![bound],
        projection: Some(vec![0]),
        batch_rows: 3,
        ..ScanRequest::default()
    };
    let mut given: Vec<String> = keys_of(table.scan(request.clone()).unwrap());
    let count = given.len();
    given.sort();
    given.dedup();
    assert_eq!(given.len(), count, "{context}: a row twice");
    assert!(wanted.iter().all(|key| given.contains(key)), "{context}: {wanted:?} of {given:?}");
    let limited = table.scan(ScanRequest { limit: Some(5), ..request }).unwrap();
    assert_eq!(keys_of(limited).len(), count.min(5), "{context}: five at most");
}

fn check_statistics(table: &TableSnapshot, column: usize, model: &Model, context: &str) {
    let known = table.column_statistics(&[column]).unwrap().remove(0);
    let values = || model.values().map(|row| row.get(column)).filter(|value| !value.is_null());
    for value in values() {
        assert!(known.min.as_ref().is_none_or(|min| value.compare(min).is_ge()), "{context}: {known:?}");
        assert!(known.max.as_ref().is_none_or(|max| value.compare(max).is_le()), "{context}: {known:?}");
    }
    if known.exact {
        assert_eq!(known.min.as_ref(), values().min_by(|a, b| a.compare(b)), "{context}");
        assert_eq!(known.max.as_ref(), values().max_by(|a, b| a.compare(b)), "{context}");
        assert_eq!(known.nulls, u64::try_from(model.len() - values().count()).ok(), "{context}");
    }
}
