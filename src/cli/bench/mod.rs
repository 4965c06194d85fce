//! `blotter bench`: the figures of docs/PERFORMANCE.md, on this machine. Each stands beside a limit or a peer measured in the
//! same run, because an fdatasync here may take ten times what it takes elsewhere; what counts is the ratio.

mod against;
mod bare;
mod clients;
mod disk;
mod ears;
mod hostile;
mod load;
mod peer;
mod rounds;
mod rows;
mod scale;
mod server;
mod watch;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use self::against::Against;
use self::clients::{board, drain};
use self::peer::Peer;
use self::rounds::{Pair, Rounds};
use self::scale::AtScale;
use self::server::Node;
use crate::cli::output::Output;
use crate::cli::{CliError, Done};

/// How long, how large, and beside whom.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Bench {
    /// Seconds of each measurement
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Rounds of each pair; the one with the median ratio counts
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Records that are there before anything is measured: by halves cases and persons
    #[arg(long, default_value_t = 10_000)]
    records: u64,
    /// Keeps the filled node in this folder, and uses it again
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Measures what other clients notice of hostile ones instead: of this abuse, or of each
    #[arg(long, value_name = "ABUSE", num_args = 0..=1)]
    hostile: Option<Option<hostile::Abuse>>,
    /// Measures a drain of the evidence room, of as many items as --records says, by a client instead
    #[arg(long)]
    safe: bool,
    /// Measures boards of cases by GraphQL beside the same by REST, and how soon bombs are refused, instead
    #[arg(long)]
    graphql: bool,
    /// Measures what watchlists of 100,000 entries cost instead
    #[arg(long)]
    watch: bool,
    /// Measures what so many subscribers to events hear, and cost, instead; 1,000 if no number is given
    #[arg(long, value_name = "SUBSCRIBERS", num_args = 0..=1, default_missing_value = "1000")]
    events: Option<usize>,
    /// Commits one abuse: what `--hostile` starts beside itself
    #[arg(long, hide = true)]
    abuse: Option<hostile::Abuse>,
    /// A PocketBase beside it: where its collection answers (`benches/run` starts one)
    #[arg(long, value_name = "URL")]
    pocketbase: Option<Peer>,
    /// A SQLite beside it, behind the handler of `benches/sqlite`
    #[arg(long, value_name = "URL")]
    sqlite: Option<Peer>,
}

impl Bench {
    pub(super) fn run(self, output: Output) -> Done {
        if let Some(abuse) = self.abuse {
            return hostile::commit(abuse).map_err(CliError::failed);
        }
        let figures = self
            .measure(&|what| output.say(&format!("… {what}")))
            .map_err(CliError::failed)?;
        output.show(&json!({ "data": figures }), |_| table(&figures));
        Ok(())
    }

    fn time(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    /// Runs all measurements; `say` is told what is going on.
    fn measure(&self, say: &dyn Fn(&str)) -> std::io::Result<Vec<Figure>> {
        let scratch = match &self.folder {
            Some(folder) => {
                std::fs::create_dir_all(folder)?;
                tempfile::tempdir_in(folder)?
            }
            None => tempfile::tempdir()?,
        };
        let large = self.folder.as_deref().unwrap_or(scratch.path()).join("large");
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        if let Some(only) = self.hostile {
            let node = Node::at(scratch.path())?;
            return runtime.block_on(hostile::figures((&node, only), self, say));
        }
        if self.safe {
            let node = Node::at(scratch.path())?;
            return runtime.block_on(drain::figures(&node, self, say));
        }
        if self.graphql {
            let node = Node::at(scratch.path())?;
            return runtime.block_on(board::figures((&node, scratch.path()), self, say));
        }
        if self.watch {
            let node = Node::at(scratch.path())?;
            return runtime.block_on(watch::figures(&node, self, say));
        }
        if let Some(count) = self.events {
            let node = Node::at(scratch.path())?;
            return runtime.block_on(ears::figures((&node, count.max(1)), self, say));
        }
        runtime.block_on(self.at_both_scales(scratch.path(), &large, say))
    }

    async fn at_both_scales(
        &self,
        scratch: &Path,
        large: &Path,
        say: &dyn Fn(&str),
    ) -> std::io::Result<Vec<Figure>> {
        let probe = || disk::probe(scratch).map(millis).map_err(std::io::Error::other);
        let before = probe()?;
        let few = self.records / 10;
        say(&format!("a node of {few} records"));
        let small = Node::at(&scratch.join("small"))?;
        small.fill(few).await?;
        let small = AtScale::measure(&small, few, self).await?;
        say(&format!("a node of {} records", self.records));
        let node = Node::at(large)?;
        node.fill(self.records).await?;
        let large = AtScale::measure(&node, self.records, self).await?;
        let server = node.start()?;
        let watch = server.watch_memory();
        let rounds = Rounds {
            wanted: self.rounds,
            folder: scratch,
        };
        let against = Against {
            server: &server,
            rounds,
            scale: self,
            say,
        };
        let mut figures = against.figures(self.records).await?;
        figures.extend(large.figures(&small, &watch));
        server.stop()?;
        let probes = format!("{before}, {}", probe()?);
        figures.insert(0, Figure::new("one fdatasync of 4 KiB, before and after", probes));
        Ok(figures)
    }
}

/// One line of the table.
#[derive(Clone, Debug, serde::Serialize)]
struct Figure {
    what: String,
    value: String,
    /// What was measured beside it, in the same run.
    beside: String,
    ratio: Option<f64>,
    aim: String,
}

impl Figure {
    fn new(what: &str, value: String) -> Self {
        Self {
            what: what.into(),
            value,
            beside: String::new(),
            ratio: None,
            aim: String::new(),
        }
    }

    fn beside(self, beside: String, ratio: Option<f64>) -> Self {
        Self {
            beside,
            ratio,
            ..self
        }
    }

    fn aim(self, aim: &str) -> Self {
        Self {
            aim: aim.into(),
            ..self
        }
    }

    /// Two sides of one run, if the disk kept still.
    fn pair(what: &str, pair: Option<Pair>, beside: &str, aim: &str, shown: impl Fn(f64) -> String) -> Self {
        match pair {
            Some(pair) => Self::new(what, shown(pair.ours))
                .beside(format!("{}: {beside}", shown(pair.theirs)), Some(pair.ratio()))
                .aim(aim),
            None => Self::new(what, "the disk changed in every round".into())
                .beside(beside.into(), None)
                .aim(aim),
        }
    }
}

/// The table of docs/PERFORMANCE.md.
fn table(figures: &[Figure]) -> String {
    let row = |figure: &Figure| {
        let ratio = figure
            .ratio
            .map(|ratio| format!("{ratio:.2}"))
            .unwrap_or_default();
        let cells = [&figure.what, &figure.value, &figure.beside, &ratio, &figure.aim];
        format!("| {} |\n", cells.map(String::as_str).join(" | "))
    };
    let head =
        "| what | measured | beside, in the same run | ratio | aim |\n| --- | --- | --- | --- | --- |\n";
    figures
        .iter()
        .fold(head.to_owned(), |table, figure| table + &row(figure))
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes / 1_000_000)
}
