//! The table of four sides.

use std::fmt;

use quarry_benches::{measure::Spread, report::magnitude};

/// One question.
pub struct Row {
    name: &'static str,
    admin: Spread,
    /// The one who sees half, and the one who sees nearly all.
    restricted: [Spread; 2],
    peer: Option<Spread>,
    to_reach: &'static str,
}

impl Row {
    /// A question that was timed; tells of it on standard error.
    #[allow(clippy::print_stderr)]
    pub fn of(name: &'static str, admin: Spread, restricted: [Spread; 2], peer: Option<Spread>) -> Row {
        let row = Row { name, admin, restricted, peer, to_reach: "–" };
        eprintln!("{row}");
        row
    }

    /// What its figure is to be.
    pub fn reaching(self, to_reach: &'static str) -> Row {
        Row { to_reach, ..self }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let times = |side: &Spread| {
            format!("{} ({}–{})", magnitude(side.timing.p50), magnitude(side.low), magnitude(side.high))
        };
        let ratio = |side: &Spread, to: &Spread| format!("{:.2} ×", side.timing.p50 / to.timing.p50);
        let [lead, head] = &self.restricted;
        let peer = self.peer.as_ref().map_or("–".into(), times);
        let to_peer = self.peer.as_ref().map_or("–".into(), |peer| ratio(&self.admin, peer));
        write!(
            f,
            "| {} | {} | {} | {} | {peer} | {to_peer} ",
            self.name,
            times(&self.admin),
            times(lead),
            times(head)
        )?;
        write!(f, "| {} | {} | {} |", ratio(lead, &self.admin), ratio(head, &self.admin), self.to_reach)
    }
}

/// All of them.
pub struct Table(pub Vec<Row>);

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "Medians over all calls (lowest and highest median of a slot). PostgreSQL has no row security. `half` is a restricted user who \
             sees the records of half of the sellers, `nearly all` one who sees those of all of them; restricted to reach: 1.5 × admin.\n"
        )?;
        writeln!(
            f,
            "| question | admin | half | nearly all | PostgreSQL 15 | admin / PostgreSQL | half / admin | nearly all / admin | to reach |"
        )?;
        writeln!(f, "|---|---|---|---|---|---|---|---|---|")?;
        self.0.iter().try_for_each(|row| writeln!(f, "{row}"))
    }
}
