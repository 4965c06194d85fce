//! `completions`: for a shell to read.

use clap::{Args, Command};
use clap_complete::Shell;
use serde_json::json;

use crate::cli::Done;
use crate::cli::output::Output;

/// Completions for a shell.
#[derive(Args, Debug)]
pub(in crate::cli) struct Completions {
    /// bash, zsh, fish, …
    shell: Shell,
}

impl Completions {
    pub(in crate::cli) fn run(self, command: &mut Command, output: Output) -> Done {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, command, "blotter", &mut script);
        let script = String::from_utf8_lossy(&script).into_owned();
        output.show(
            &json!({"shell": self.shell.to_string(), "script": script}),
            |_| script.clone(),
        );
        Ok(())
    }
}
