//! `docs api`: writes the reference pages that the program makes of itself.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::json;

use crate::app::probes;
use crate::cli::output::Output;
use crate::cli::{CliError, Done};
use crate::config::docs;
use crate::lanes::{self, http::failure};

/// The reference pages that the program makes.
#[derive(Subcommand, Debug)]
pub(in crate::cli) enum Docs {
    /// Write the pages on routes, failures, settings and metrics
    Api {
        /// The folder to write to
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
    },
}

/// A page's file and what makes it.
type Page = (&'static str, fn() -> String);

/// Every page.
pub(in crate::cli) const PAGES: &[Page] = &[
    ("asyncapi.yaml", lanes::events::asyncapi::text),
    ("config.md", docs::page),
    ("failures.md", failure::reference),
    ("metrics.md", probes::page),
    ("openapi.json", openapi),
    ("schema.graphql", lanes::sdl),
];

/// The document as it is committed: indented, with a line's end.
fn openapi() -> String {
    format!("{:#}\n", lanes::document())
}

impl Docs {
    pub(in crate::cli) fn run(self, output: Output) -> Done {
        let Self::Api { to } = self;
        let write = |path: &Path, text: String| std::fs::write(path, text);
        std::fs::create_dir_all(&to).map_err(CliError::failed)?;
        let mut written = Vec::new();
        for (name, page) in PAGES {
            let path = to.join(name);
            write(&path, page())
                .map_err(|error| CliError::Failed(format!("can't write {}: {error}", path.display())))?;
            written.push(path.display().to_string());
        }
        output.show(&json!({"written": written}), |_| written.join("\n"));
        Ok(())
    }
}
