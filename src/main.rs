//! The `quarry` command: reads the command line and the settings, and hands over to one module per command.
//!
//! [`serve`] opens an engine and the doors before it; every other command works on a [`reach::Records`]: a running
//! server, or the data folder itself when none runs.

mod audit;
mod command;
mod demo;
mod doctor;
mod import;
mod issuers;
mod load;
mod package;
mod print;
mod question;
mod reach;
mod remote;
mod secret;
mod serve;
mod settings;
mod tenant;
mod upkeep;
mod user;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use command::{Command, What};
use settings::Settings;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let command = Command::parse();
    match run(&command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("quarry: {}", told(&error));
            ExitCode::FAILURE
        }
    }
}

/// An error and what caused it; what a layer only hands on is told once.
fn told(error: &anyhow::Error) -> String {
    let mut words: Vec<String> = error.chain().map(ToString::to_string).collect();
    words.dedup();
    words.join(": ")
}

fn run(command: &Command) -> Result<ExitCode> {
    let settings = Settings::resolve(&command.given(), std::env::vars())?;
    match &command.what {
        What::Serve(serve) if serve.explain_config => {
            println!("{}", settings.explain());
            Ok(ExitCode::SUCCESS)
        }
        What::Serve(serve) => serve::serve(&settings, serve.demo).map(|()| ExitCode::SUCCESS),
        What::Query(question) => question::objectql(&settings, question).map(|()| ExitCode::SUCCESS),
        What::Sql(question) => question::sql(&settings, question).map(|()| ExitCode::SUCCESS),
        What::User(what) => user::run(&settings, what).map(|()| ExitCode::SUCCESS),
        What::Package(what) => package::run(&settings, what),
        What::Import(import) => load::import(&settings, import),
        What::Demo(demo) => load::demo(&settings, demo).map(|()| ExitCode::SUCCESS),
        What::Tenant(what) => tenant::run(&settings, what).map(|()| ExitCode::SUCCESS),
        What::Audit(what) => audit::run(&settings, what).map(|()| ExitCode::SUCCESS),
        What::Doctor { json } => doctor::run(&settings, *json),
        What::Verify => upkeep::verify(&settings),
        What::Reindex { objects } => upkeep::reindex(&settings, objects).map(|()| ExitCode::SUCCESS),
    }
}
