//! `demo`: a box with real records in a temporary folder, ready to look at, gone with Ctrl-C.

use clap::Args;

use crate::cli::Done;
use crate::cli::output::Output;

/// Show a box with real records; it goes away with Ctrl-C.
#[derive(Args, Debug)]
pub(super) struct Demo {}

impl Demo {
    pub(super) fn run(self, output: Output) -> Done {
        output.say("soon");
        Ok(())
    }
}
