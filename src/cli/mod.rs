//! The command line: one verb a file. A verb says what it wants as an order, and shows what it got: as text for people, or with
//! `--json` as one JSON value for programs. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 a verification found a fault.

/// Asks people for passwords.
mod ask;
mod bench;
mod demo;
mod init;
/// What verbs ask of a node.
pub mod order;
/// How verbs show what they got.
mod output;
/// Carries orders to whoever holds the folder.
mod reach;
mod serve;
/// Verbs that look after the box.
mod upkeep;
/// Verbs that work with records.
mod work;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Command, CommandFactory, FromArgMatches, Parser, Subcommand};
use serde_json::Value as Json;

use crate::app::folder::Folder;
use crate::cli::order::Refusal;
use crate::cli::output::Output;
use crate::config::{self, Loaded};

/// The data folder, if none is named.
const DATA: &str = "./blotter-data";

/// Above the options that are the same at every verb, which stand last.
const EVERYWHERE: &str = "Everywhere";

/// The front desk's book as one program.
#[derive(Parser, Debug)]
#[command(name = "blotter", version, after_help = "Begin with: blotter demo")]
struct Cli {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    verb: Verb,
}

/// What every verb takes.
#[derive(Args, Clone, Debug)]
struct Place {
    /// The data folder, which is the whole state [default: ./blotter-data]
    #[arg(
        long,
        global = true,
        env = "BLOTTER_DATA",
        hide_env_values = true,
        value_name = "DIR",
        help_heading = EVERYWHERE
    )]
    data: Option<PathBuf>,
    /// Settings in TOML; `blotter config print` shows them all
    #[arg(
        long,
        global = true,
        env = "BLOTTER_CONFIG",
        hide_env_values = true,
        value_name = "FILE",
        help_heading = EVERYWHERE
    )]
    config: Option<PathBuf>,
    /// One JSON value on stdout, and nothing else
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    json: bool,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Show a box with real records; it ends with Ctrl-C
    Demo(demo::Demo),
    /// Make a node in a data folder
    Init(init::Init),
    /// Run the node until SIGTERM or Ctrl-C
    Serve(serve::Serve),
    /// API keys for programs
    Key(work::key::Key),
    /// People who sign in
    User(work::user::User),
    /// Agencies that this node serves
    #[command(subcommand)]
    Tenant(work::tenant::Tenant),
    /// Take in CSV, JSON or JSON Lines
    Import(work::import::Import),
    /// Destroy a record for good, by a court's order
    Expunge(work::expunge::Expunge),
    /// Write a case, or what changed, to a file
    Export(work::export::Export),
    /// Find records
    Search(work::search::Search),
    /// Whether the node is what it claims; exit code 3 on a fault
    Verify(upkeep::verify::Verify),
    /// Copy the node to a new folder; it may run meanwhile
    Backup(upkeep::backup::Backup),
    /// Make a node from a backup
    Restore(upkeep::backup::Restore),
    /// Make views and index anew from the log
    Rebuild(upkeep::rebuild::Rebuild),
    /// What is wrong with this box, and what to do
    Doctor,
    /// What is set, and why
    #[command(subcommand)]
    Config(upkeep::config::ConfigVerb),
    /// The figures of docs/PERFORMANCE.md, on this machine
    Bench(bench::Bench),
    /// The reference pages that the program makes
    #[command(subcommand)]
    Docs(upkeep::docs::Docs),
    /// Completions for a shell
    Completions(upkeep::completions::Completions),
}

/// Why a verb did not do what it was told.
#[derive(Debug, thiserror::Error)]
enum CliError {
    /// It failed.
    #[error("{0}")]
    Failed(String),
    /// The node refused.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// It was called wrongly.
    #[error("{0}")]
    Usage(String),
    /// A verification found faults, which were shown.
    #[error("faults were found")]
    Faults,
}

impl CliError {
    const USAGE: u8 = 2;

    fn failed(error: impl std::fmt::Display) -> Self {
        Self::Failed(error.to_string())
    }

    fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => Self::USAGE,
            Self::Refused(refusal) if refusal.code == Refusal::USAGE => Self::USAGE,
            Self::Failed(_) | Self::Refused(_) => 1,
            Self::Faults => 3,
        }
    }

    fn code(&self) -> &str {
        match self {
            Self::Failed(_) => "failed",
            Self::Refused(refusal) => &refusal.code,
            Self::Usage(_) => Refusal::USAGE,
            Self::Faults => "faults",
        }
    }
}

type Done = Result<(), CliError>;

/// Parses the command line and carries it out.
pub fn run() -> ExitCode {
    let mut command = command();
    let matches = command.try_get_matches_from_mut(std::env::args_os());
    let cli = match matches.and_then(|mut matches| Cli::from_arg_matches_mut(&mut matches)) {
        Ok(cli) => cli,
        Err(error) => return refuse(&error.format(&mut command)),
    };
    let output = Output::new(cli.place.json);
    match dispatch(cli, output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if !matches!(error, CliError::Faults) {
                output.failure(error.code(), &advised(error.to_string()));
            }
            ExitCode::from(error.exit_code())
        }
    }
}

/// A fault of permissions, with what to do about it.
fn advised(told: String) -> String {
    match told.contains("Permission denied") {
        true => format!(
            "{told}: whose is it (ls -ld)? Run blotter as the owner of its folder; a server does what it is asked as its own user"
        ),
        false => told,
    }
}

/// The command line. Where the data folder is no matter it is taken and not told of.
fn command() -> Command {
    let command = Cli::command();
    let arg = |name: &str| {
        let mut args = command.get_arguments();
        args.find(|arg| arg.get_id() == name).cloned()
    };
    let (data, config) = (arg("data"), arg("config"));
    let temporary = "Fill this folder, which must be empty or new, and keep it [default: a temporary one]";
    let data_of_demo = data.clone().map(|data| data.help(temporary));
    let [data, config] = [data, config].map(|arg| arg.map(|arg| arg.hide(true)));
    let command = command.mut_subcommand("demo", |verb| verb.args(data_of_demo));
    let command = command.mut_subcommand("config", |verb| verb.args(data.clone()));
    ["bench", "docs", "completions"]
        .into_iter()
        .fold(command, |command, name| {
            command.mut_subcommand(name, |verb| verb.args(data.clone()).args(config.clone()))
        })
}

/// Tells of a line that could not be read, in the form of every failure; help that was asked for is none.
fn refuse(error: &clap::Error) -> ExitCode {
    let text = error.to_string();
    let output = Output::new(wants_json());
    let usage = error.exit_code() == i32::from(CliError::USAGE);
    let told = match text.strip_prefix(COMPLAINT) {
        _ if usage && wants_json() => complaint(&text),
        Some(told) => told.trim_end().to_owned(),
        None => error.exit(),
    };
    let error = CliError::Usage(told);
    output.failure(error.code(), &error.to_string());
    ExitCode::from(error.exit_code())
}

/// How the parser begins a complaint.
const COMPLAINT: &str = "error: ";

/// Whether a line that could not be read asks for JSON.
fn wants_json() -> bool {
    let mut words = std::env::args_os().skip(1).take_while(|word| word != "--");
    words.any(|word| word == "--json")
}

/// What is wrong with the line, on one line and without the help.
fn complaint(text: &str) -> String {
    let text = text.split("\n\nUsage:").next().unwrap_or_default();
    let text = text.split("\n\nFor more information").next().unwrap_or_default();
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").trim_start_matches(COMPLAINT).to_owned()
}

fn dispatch(cli: Cli, output: Output) -> Done {
    let place = &cli.place;
    match cli.verb {
        Verb::Demo(demo) => demo.run(place, output),
        Verb::Init(init) => init.run(place, output),
        Verb::Serve(serve) => serve.run(place),
        Verb::Key(key) => key.run(place, output),
        Verb::User(user) => user.run(place, output),
        Verb::Tenant(tenant) => tenant.run(place, output),
        Verb::Import(import) => import.run(place, output),
        Verb::Expunge(expunge) => expunge.run(place, output),
        Verb::Export(export) => export.run(place, output),
        Verb::Search(search) => search.run(place, output),
        Verb::Verify(verify) => verify.run(place, output),
        Verb::Backup(backup) => backup.run(place, output),
        Verb::Restore(restore) => restore.run(place, output),
        Verb::Rebuild(rebuild) => rebuild.run(place, output),
        Verb::Doctor => upkeep::doctor::run(place, output),
        Verb::Config(config) => config.run(place, output),
        Verb::Bench(bench) => bench.run(output),
        Verb::Docs(docs) => docs.run(output),
        Verb::Completions(completions) => completions.run(&mut command(), output),
    }
}

impl Place {
    fn folder(&self) -> Folder {
        Folder::new(self.data.as_deref().unwrap_or(Path::new(DATA)))
    }

    fn load(&self) -> Result<Loaded, CliError> {
        config::load(self.config.as_deref(), std::env::vars()).map_err(CliError::failed)
    }
}

/// A member of what a node answered, as text.
fn text<'j>(json: &'j Json, member: &str) -> &'j str {
    json[member].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use clap::error::ErrorKind;

    use super::Cli;

    const SCREEN_LINES: usize = 40;

    #[test]
    fn the_command_line_is_sound_and_each_help_fits_a_screen() {
        let mut command = super::command();
        command.clone().debug_assert();
        check(&mut command);
        let asked = Cli::try_parse_from(["blotter", "help", "key"]).map(drop);
        assert_eq!(asked.unwrap_err().kind(), ErrorKind::DisplayHelp);
    }

    fn check(command: &mut clap::Command) {
        let lines = command.render_help().to_string().lines().count();
        assert!(lines <= SCREEN_LINES, "{}: {lines} lines", command.get_name());
        command.get_subcommands_mut().for_each(check);
    }
}
