//! The `quarry` command.

mod demo;
mod import;

fn main() {}
