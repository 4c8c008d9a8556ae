//! What is called, seen in the plain tokens of a file (so that the insides of macros count too).

use proc_macro2::{TokenStream, TokenTree};

use crate::{findings::Finding, source::Source};

/// Tokens in a row that must not stand somewhere.
struct Ban {
    rule: &'static str,
    /// The tokens, apart by spaces.
    tokens: &'static str,
    /// Folders where it holds.
    rooms: &'static [&'static str],
    /// Whether tests must keep it too.
    in_tests: bool,
    /// What to do instead.
    instead: &'static str,
}

const ALL: &[&str] = &[""];
const LIBRARIES: &[&str] = &["metadata/", "storage/", "planner/", "engine/", "protocol/"];
const INNER: &[&str] = &["metadata/", "storage/", "planner/", "engine/"];

const UNFINISHED: &str = "an unfinished path must not be reachable; return an error";
const WORLD: &str = "time, chance and ids come from `World`, so that a log replays byte for byte";
const PRINT: &str = "a library does not talk to the terminal; use `tracing`";
const CODES: &str = "status codes belong to the doors; return a coarse error kind";
const STORAGE: &str = "a door never touches storage; ask the engine";

const BANS: &[Ban] = &[
    Ban { rule: "unwrap", tokens: ". unwrap (", rooms: ALL, in_tests: false, instead: "return an error" },
    Ban { rule: "unfinished", tokens: "todo !", rooms: ALL, in_tests: true, instead: UNFINISHED },
    Ban { rule: "unfinished", tokens: "unimplemented !", rooms: ALL, in_tests: true, instead: UNFINISHED },
    Ban { rule: "unfinished", tokens: "dbg !", rooms: ALL, in_tests: true, instead: "take it out" },
    Ban { rule: "world", tokens: "SystemTime : : now", rooms: LIBRARIES, in_tests: false, instead: WORLD },
    Ban { rule: "world", tokens: "Instant : : now", rooms: LIBRARIES, in_tests: false, instead: WORLD },
    Ban { rule: "world", tokens: "Utc : : now", rooms: LIBRARIES, in_tests: false, instead: WORLD },
    Ban { rule: "world", tokens: "Local : : now", rooms: LIBRARIES, in_tests: false, instead: WORLD },
    Ban { rule: "world", tokens: "rand : :", rooms: LIBRARIES, in_tests: false, instead: WORLD },
    Ban { rule: "world", tokens: "getrandom : :", rooms: LIBRARIES, in_tests: false, instead: WORLD },
    Ban { rule: "world", tokens: "Ulid : : new", rooms: LIBRARIES, in_tests: false, instead: WORLD },
    Ban { rule: "world", tokens: "OsRng", rooms: LIBRARIES, in_tests: false, instead: WORLD },
    Ban { rule: "print", tokens: "println !", rooms: LIBRARIES, in_tests: false, instead: PRINT },
    Ban { rule: "print", tokens: "print !", rooms: LIBRARIES, in_tests: false, instead: PRINT },
    Ban { rule: "print", tokens: "eprintln !", rooms: LIBRARIES, in_tests: false, instead: PRINT },
    Ban { rule: "print", tokens: "eprint !", rooms: LIBRARIES, in_tests: false, instead: PRINT },
    Ban {
        rule: "exit",
        tokens: "process : : exit",
        rooms: LIBRARIES,
        in_tests: true,
        instead: "return an error",
    },
    Ban {
        rule: "unsafe",
        tokens: "unsafe",
        rooms: ALL,
        in_tests: true,
        instead: "use a library that has been reviewed",
    },
    Ban {
        rule: "dead-code",
        tokens: "dead_code",
        rooms: ALL,
        in_tests: true,
        instead: "take out what nothing needs",
    },
    Ban { rule: "door-codes", tokens: "StatusCode", rooms: INNER, in_tests: false, instead: CODES },
    Ban { rule: "door-codes", tokens: "SqlState", rooms: INNER, in_tests: false, instead: CODES },
    Ban {
        rule: "door-storage",
        tokens: "quarry_storage",
        rooms: &["protocol/"],
        in_tests: true,
        instead: STORAGE,
    },
    Ban {
        rule: "planner-writes",
        tokens: ". commit (",
        rooms: &["planner/"],
        in_tests: false,
        instead: "only the engine writes",
    },
];

/// The first two characters of PostgreSQL's SQLSTATE codes.
const SQLSTATE_CLASSES: &[&str] = &[
    "00", "01", "02", "03", "08", "09", "0A", "0B", "0F", "0L", "0P", "0Z", "20", "21", "22", "23", "24",
    "25", "26", "27", "28", "2B", "2D", "2F", "34", "38", "39", "3B", "3D", "3F", "40", "42", "44", "53",
    "54", "55", "57", "58", "72", "F0", "HV", "P0", "XX",
];

/// Checks one file.
pub fn check(source: &Source) -> Vec<Finding> {
    let mut tokens = Vec::new();
    flatten(source.tokens.clone(), &mut tokens);
    let mut findings = Vec::new();
    for ban in BANS.iter().filter(|ban| stands_in(&source.path, ban.rooms)) {
        let wanted: Vec<_> = ban.tokens.split(' ').collect();
        for window in tokens.windows(wanted.len()) {
            let line = window.first().map_or(0, |token| token.line);
            let same = window.iter().zip(&wanted).all(|(token, wanted)| token.text == *wanted);
            if same && (ban.in_tests || !source.is_test_line(line)) {
                let call = ban.tokens.replace(' ', "");
                let message = format!("`{call}` must not stand here: {}", ban.instead);
                findings.push(Finding { path: source.path.clone(), line, rule: ban.rule, message });
            }
        }
    }
    if stands_in(&source.path, INNER) {
        findings.extend(tokens.iter().filter(|token| is_sqlstate(&token.text)).filter_map(|token| {
            let message = format!("{} looks like a SQLSTATE: {CODES}", token.text);
            let finding =
                Finding { path: source.path.clone(), line: token.line, rule: "door-codes", message };
            (!source.is_test_line(token.line)).then_some(finding)
        }));
    }
    findings
}

fn stands_in(path: &str, rooms: &[&str]) -> bool {
    rooms.iter().any(|room| path.starts_with(room))
}

/// A string literal of five characters in a class of SQLSTATE.
fn is_sqlstate(text: &str) -> bool {
    let Some(code) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else { return false };
    let form = code.len() == 5 && code.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    form && SQLSTATE_CLASSES.iter().any(|class| code.starts_with(class))
}

struct Token {
    text: String,
    line: usize,
}

/// The tokens in a row; an opening parenthesis is one too, other delimiters are left out.
fn flatten(stream: TokenStream, into: &mut Vec<Token>) {
    for tree in stream {
        let line = tree.span().start().line;
        match tree {
            TokenTree::Group(group) => {
                let open = match group.delimiter() {
                    proc_macro2::Delimiter::Parenthesis => "(",
                    proc_macro2::Delimiter::Brace => "{",
                    _ => "[",
                };
                into.push(Token { text: open.to_owned(), line });
                flatten(group.stream(), into);
            }
            other => into.push(Token { text: other.to_string(), line }),
        }
    }
}
