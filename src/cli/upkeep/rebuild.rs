//! `rebuild`: makes anew what is folded from the log: the views, the search index, or both. Nothing can be lost by it.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use serde_json::json;

use crate::app::node::Node;
use crate::cli::output::Output;
use crate::cli::{CliError, Done, Place};
use crate::services::search::follow::catch_up;

/// The file of the views.
const VIEWS: &str = "views.redb";

/// What to make anew.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum What {
    /// Current records and the ways to find them.
    Views,
    /// The search index.
    Index,
    /// Both.
    All,
}

/// Make views and index anew from the log; no server may run.
#[derive(Args, Debug)]
pub(in crate::cli) struct Rebuild {
    /// What to make anew
    #[arg(value_enum, default_value = "all")]
    what: What,
}

impl Rebuild {
    pub(in crate::cli) fn run(self, place: &Place, output: Output) -> Done {
        let folder = place.folder();
        let config = place.load()?.config;
        {
            let _lock = folder.lock().map_err(CliError::failed)?;
            if folder.facts().map_err(CliError::failed)?.is_none() {
                return Err(CliError::Failed(format!(
                    "there is no node in {}",
                    folder.path().display()
                )));
            }
            if self.what != What::Index {
                remove(&folder.path().join(VIEWS), |path| fs::remove_file(path))?;
            }
            if self.what != What::Views {
                remove(&folder.search(), |path| fs::remove_dir_all(path))?;
            }
        }
        let node = Node::open(folder, &config).map_err(CliError::failed)?;
        catch_up(node.services.store(), &node.index).map_err(CliError::failed)?;
        node.index.checkpoint().map_err(CliError::failed)?;
        let node = Arc::new(node);
        let shown = json!({"operations": node.opened.replayed, "documents": node.index.documents()});
        output.show(&shown, |shown| {
            format!(
                "{} operations folded, {} documents can be found.",
                shown["operations"], shown["documents"]
            )
        });
        Ok(())
    }
}

fn remove(path: &Path, remove: impl FnOnce(&Path) -> std::io::Result<()>) -> Done {
    match remove(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(CliError::Failed(format!(
            "can't remove {}: {error}",
            path.display()
        ))),
        _ => Ok(()),
    }
}
