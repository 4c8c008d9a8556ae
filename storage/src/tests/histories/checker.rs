//! Decides whether a history of transactions is one that strong snapshot isolation allows, from what the clients saw
//! alone: the checker knows no commit number and no store.
//!
//! Every value is a list, and every write appends one element that no other write appends. So the order of the versions
//! of a key is read off the longest list, and which transaction made the version that was read off its last element (the
//! "list-append" workload of Kingsbury and Alvaro, *Elle: Inferring Isolation Anomalies from Experimental Observations*,
//! VLDB 2020).
//!
//! Between transactions there are dependencies: `wr` (read what the other wrote), `ww` (wrote the next version), `rt`
//! (began after the other was acknowledged), and anti-dependencies `rw` (read the version before the one that the other
//! wrote). A history is snapshot-isolated if and only if no cycle is made of steps that are each a dependency,
//! perhaps followed by one anti-dependency (Cerone and Gotsman, *Analysing Snapshot Isolation*, JACM 2018). Write
//! skew, a cycle with two anti-dependencies in a row, passes.

use std::collections::{BTreeMap, HashMap, HashSet};

/// An element that was appended; each is appended once.
pub type Element = u64;

/// What a client saw of one transaction.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// When it began and was answered, on one clock of all clients.
    pub began: u64,
    pub ended: u64,
    pub outcome: Outcome,
    /// Lists that it read before it wrote to their keys.
    pub reads: Vec<(String, Vec<Element>)>,
    pub appends: Vec<(String, Element)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    #[default]
    Committed,
    Aborted,
    /// The client does not know: the answer was lost.
    Unknown,
}

/// The first anomaly found, by name.
///
/// # Errors
///
/// A sentence that names the anomaly and the transactions.
pub fn check(history: &[Observed]) -> Result<(), String> {
    let writers = writers(history)?;
    let orders = orders(history, &writers)?;
    let seen: HashSet<usize> = orders.values().flatten().filter_map(|e| writers.get(e)).copied().collect();
    let counts = |at: usize| match history[at].outcome {
        Outcome::Committed => true,
        Outcome::Unknown => seen.contains(&at),
        Outcome::Aborted => false,
    };
    for (at, one) in history.iter().enumerate() {
        for (key, element) in &one.appends {
            let kept = orders.get(key).is_some_and(|order| order.contains(element));
            if one.outcome == Outcome::Committed && !kept {
                return Err(format!("lost update: {element} of transaction {at} is not in {key}"));
            }
            if counts(at) && !kept {
                return Err(format!(
                    "fractured transaction {at}: {element} is not in {key}, others of it are there"
                ));
            }
        }
    }
    let graph = Graph::new(history, &writers, &orders, &counts);
    graph.check()
}

/// Who appended each element.
fn writers(history: &[Observed]) -> Result<HashMap<Element, usize>, String> {
    let mut writers = HashMap::new();
    for (at, one) in history.iter().enumerate() {
        for (_, element) in &one.appends {
            if writers.insert(*element, at).is_some() {
                return Err(format!("{element} was appended twice: the workload is wrong"));
            }
        }
    }
    Ok(writers)
}

/// The order of versions of each key: the longest list read, of which every other one must be a beginning.
fn orders(
    history: &[Observed],
    writers: &HashMap<Element, usize>,
) -> Result<BTreeMap<String, Vec<Element>>, String> {
    let mut orders: BTreeMap<String, Vec<Element>> = BTreeMap::new();
    for (at, one) in history.iter().enumerate().filter(|(_, one)| one.outcome != Outcome::Aborted) {
        for (key, list) in &one.reads {
            let order = orders.entry(key.clone()).or_default();
            let (short, long) = if order.len() < list.len() { (&*order, list) } else { (list, &*order) };
            if long.get(..short.len()) != Some(short.as_slice()) {
                return Err(format!(
                    "lost update: transaction {at} read {list:?} of {key}, another {order:?}"
                ));
            }
            if list.len() > order.len() {
                order.clone_from(list);
            }
        }
    }
    for (key, order) in &orders {
        if order.iter().collect::<HashSet<_>>().len() < order.len() {
            return Err(format!("an element is in {key} twice: {order:?}"));
        }
        for element in order {
            let Some(writer) = writers.get(element) else {
                return Err(format!("{element} in {key} was appended by nobody"));
            };
            if history[*writer].outcome == Outcome::Aborted {
                return Err(format!(
                    "dirty read: {element} in {key} is of transaction {writer}, which was aborted"
                ));
            }
        }
        intermediate(history, key, order, writers)?;
    }
    Ok(orders)
}

/// A list that ends between two appends of one transaction.
fn intermediate(
    history: &[Observed],
    key: &str,
    order: &[Element],
    writers: &HashMap<Element, usize>,
) -> Result<(), String> {
    for (at, one) in history.iter().enumerate() {
        for (_, list) in one.reads.iter().filter(|(read, _)| read == key) {
            let last = list.last().and_then(|element| writers.get(element));
            let next = order.get(list.len()).and_then(|element| writers.get(element));
            if last.is_some() && last == next {
                return Err(format!("intermediate read: transaction {at} read {list:?} of {key}"));
            }
        }
    }
    Ok(())
}

struct Graph {
    /// Dependencies, and anti-dependencies, by the transaction that they lead from.
    depends: Vec<Vec<usize>>,
    anti: Vec<Vec<usize>>,
}

impl Graph {
    fn new(
        history: &[Observed],
        writers: &HashMap<Element, usize>,
        orders: &BTreeMap<String, Vec<Element>>,
        counts: &dyn Fn(usize) -> bool,
    ) -> Graph {
        let mut graph = Graph { depends: vec![vec![]; history.len()], anti: vec![vec![]; history.len()] };
        for order in orders.values() {
            let by = order.iter().filter_map(|element| writers.get(element)).copied().collect::<Vec<_>>();
            for pair in by.windows(2).filter(|pair| pair[0] != pair[1]) {
                graph.depends[pair[0]].push(pair[1]);
            }
        }
        for (at, one) in history.iter().enumerate().filter(|(at, _)| counts(*at)) {
            for (key, list) in &one.reads {
                if let Some(writer) =
                    list.last().and_then(|element| writers.get(element)).filter(|w| **w != at)
                {
                    graph.depends[*writer].push(at);
                }
                let next = orders.get(key).and_then(|order| order.get(list.len()));
                if let Some(writer) = next.and_then(|element| writers.get(element)).filter(|w| **w != at) {
                    graph.anti[at].push(*writer);
                }
            }
        }
        graph.add_real_time(history, counts);
        graph
    }

    /// An edge from each transaction to those that began after it was answered. Only those edges are needed that no
    /// other transaction lies in between: the ones that end before the first answer behind it.
    fn add_real_time(&mut self, history: &[Observed], counts: &dyn Fn(usize) -> bool) {
        let mut by_start: Vec<usize> = (0..history.len()).filter(|at| counts(*at)).collect();
        by_start.sort_by_key(|at| history[*at].began);
        // An answer that was lost may have come at any time: it orders nothing behind it.
        let answered = (0..history.len()).filter(|at| history[*at].outcome == Outcome::Committed);
        for from in answered {
            let first = by_start.partition_point(|at| history[*at].began <= history[from].ended);
            let mut horizon = u64::MAX;
            for to in &by_start[first..] {
                if history[*to].began > horizon {
                    break;
                }
                self.depends[from].push(*to);
                if history[*to].outcome == Outcome::Committed {
                    horizon = horizon.min(history[*to].ended);
                }
            }
        }
    }

    /// No cycle of steps "a dependency, perhaps an anti-dependency behind it".
    fn check(&self) -> Result<(), String> {
        let step = |at: usize| {
            let direct = self.depends[at].iter().copied();
            direct.chain(self.depends[at].iter().flat_map(|to| self.anti[*to].iter().copied()))
        };
        let mut entering = vec![0_usize; self.depends.len()];
        for to in (0..entering.len()).flat_map(step) {
            entering[to] += 1;
        }
        let mut ready: Vec<usize> = (0..entering.len()).filter(|at| entering[*at] == 0).collect();
        let mut done = 0;
        while let Some(at) = ready.pop() {
            done += 1;
            for to in step(at) {
                entering[to] -= 1;
                if entering[to] == 0 {
                    ready.push(to);
                }
            }
        }
        if done == entering.len() {
            return Ok(());
        }
        let stuck: Vec<usize> = (0..entering.len()).filter(|at| entering[*at] > 0).collect();
        let only_dependencies = self.has_dependency_cycle(&stuck);
        let name = if only_dependencies { "circular information flow" } else { "read skew or stale read" };
        Err(format!("{name}: a cycle among transactions {stuck:?}"))
    }

    fn has_dependency_cycle(&self, among: &[usize]) -> bool {
        let mut left: HashSet<usize> = among.iter().copied().collect();
        loop {
            let is_leaf = |at: &usize| !self.depends[*at].iter().any(|to| left.contains(to));
            let leaves: Vec<usize> = left.iter().copied().filter(|at| is_leaf(at)).collect();
            if leaves.is_empty() {
                return !left.is_empty();
            }
            leaves.iter().for_each(|at| {
                left.remove(at);
            });
        }
    }
}
