//! Each rule finds what it is there for, and lets go what it should.

use crate::{
    calls,
    findings::{Exceptions, Finding},
    shape,
    source::Source,
};

fn rules(path: &str, text: &str) -> Vec<(&'static str, usize)> {
    let source = Source::parse(path, text.to_owned());
    let mut found: Vec<_> = shape::check(&source).into_iter().chain(calls::check(&source)).collect();
    found.sort();
    found.iter().map(|finding| (finding.rule, finding.line)).collect()
}

#[test]
fn a_head_is_wanted() {
    assert_eq!(rules("engine/src/a.rs", "fn a() {}\n"), [("head", 1)]);
    assert_eq!(rules("engine/src/a.rs", "//! What a does.\nfn a() {}\n"), []);
    assert_eq!(rules("engine/src/a.rs", "#![allow(clippy::all)]\n\n//! What a does.\nfn a() {}\n"), []);
    assert_eq!(rules("engine/src/a.rs", "//! x\nfn a() {}\n"), [("head", 1)]);
}

#[test]
fn lengths_are_counted() {
    let long = format!("//! Something long.\nfn a() {{\n{}}}\n", "    b();\n".repeat(69));
    assert_eq!(rules("engine/src/a.rs", &long), [("function-length", 2)]);
    assert_eq!(rules("engine/src/a.rs", &long.replacen("    b();\n", "", 1)), []);
    assert_eq!(rules("engine/src/a/tests.rs", &long), []);
    let file = format!("//! Something long.\n{}", "fn a() {}\n".repeat(500));
    assert_eq!(rules("engine/src/a.rs", &file), [("file-length", 500)]);
}

#[test]
fn parameters_and_nesting_are_counted() {
    let text = "//! A function.\nfn a(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8) {}\n";
    assert_eq!(rules("engine/src/a.rs", text), [("parameters", 2)]);
    let nested = "//! A function.\nfn a() {\nif x { for y in z { match y { _ => loop {\nif b {} } } } } }\n";
    assert_eq!(rules("engine/src/a.rs", nested), [("nesting", 4)]);
    let ladder =
        "//! A function.\nfn a() { if a {} else if b {} else if c {} else if d {} else if e {} else {} }\n";
    assert_eq!(rules("engine/src/a.rs", ladder), []);
}

#[test]
fn names_that_say_nothing_are_found() {
    assert_eq!(rules("engine/src/utils.rs", "//! Things of all sorts.\n"), [("banned-name", 1)]);
    assert_eq!(rules("engine/src/common/a.rs", "//! Things of all sorts.\n"), [("banned-name", 1)]);
    assert_eq!(rules("engine/src/a.rs", "//! Things of all sorts.\nmod shared {}\n"), [("banned-name", 2)]);
}

#[test]
fn banned_calls_are_found_inside_macros_and_not_in_tests() {
    let text = "//! A function.\nfn a() { vec![b.unwrap()]; }\n#[cfg(test)]\nmod tests {\nfn a() { b.unwrap(); }\n}\n";
    assert_eq!(rules("engine/src/a.rs", text), [("unwrap", 2)]);
    assert_eq!(rules("engine/src/a/tests.rs", text), []);
    let text = "//! A function.\nfn a() {\nstd::time::Instant::now();\nlet x = rand::rng();\nprintln!();\ntodo!() }\n";
    let found = [("world", 3), ("world", 4), ("print", 5), ("unfinished", 6)];
    assert_eq!(rules("engine/src/a.rs", text), found);
    assert_eq!(rules("src/a.rs", text), [("unfinished", 6)]);
    assert_eq!(rules("engine/src/a.rs", "//! Operand::new is not rand.\nfn a() { Operand::new(); }\n"), []);
}

#[test]
fn unsafe_and_dead_code_are_found_everywhere() {
    let text = "//! A function.\n#[allow(dead_code)]\nfn a() { unsafe {} }\n";
    assert_eq!(rules("tests/a.rs", text), [("dead-code", 2), ("unsafe", 3)]);
}

#[test]
fn codes_of_the_doors_stay_there() {
    let text = "//! A function.\nfn a() { b(\"40001\", StatusCode::OK, \"12345\"); }\n";
    assert_eq!(rules("engine/src/a.rs", text), [("door-codes", 2), ("door-codes", 2)]);
    assert_eq!(rules("protocol/http/src/a.rs", text), []);
    let storage = "//! A function.\nuse quarry_storage::Store;\n";
    assert_eq!(rules("protocol/http/src/a.rs", storage), [("door-storage", 2)]);
}

#[test]
fn exceptions_allow_and_expire() {
    let finding =
        |path: &str| Finding { path: path.to_owned(), line: 1, rule: "world", message: "a clock".to_owned() };
    let exceptions = Exceptions::read(
        "[[exception]]\nrule = \"world\"\npath = \"a/\"\nreason = \"it is the clock\"\n\
         [[exception]]\nrule = \"head\"\npath = \"b.rs\"\nreason = \"it was once needed\"\n",
    );
    let left = exceptions.apply(vec![finding("a/x.rs"), finding("b.rs")]);
    assert_eq!(
        left.iter().map(|f| (f.rule, f.path.as_str())).collect::<Vec<_>>(),
        [("world", "b.rs"), ("exceptions", "tests/tidy/exceptions.toml"),]
    );
}
