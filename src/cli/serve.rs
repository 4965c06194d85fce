//! `serve`: runs until it is told to stop. One JSON line on stdout when it is ready; its log goes to stderr or to journald.

use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use sd_notify::NotifyState;
use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::app::{self, Running, StartError};
use crate::cli::output::takes_colours;
use crate::cli::{CliError, Done, Place};
use crate::config::Config;
use crate::config::value::{LogFormat, LogLevel};

/// How often the write thread is looked at, and systemd is told that all is well.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Run the node until SIGTERM or Ctrl-C.
#[derive(Args, Debug)]
pub(super) struct Serve {
    /// Address with port; port 0 picks one. Wins over the setting `server.listen`
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
}

impl Serve {
    pub(super) fn run(self, place: &Place) -> Done {
        let mut config = place.load()?.config;
        config.server.listen = self.listen.unwrap_or(config.server.listen);
        log_to(&config)?;
        let folder = place.folder();
        folder.refuse_long_path().map_err(CliError::failed)?;
        runtime()?.block_on(async {
            // Before anybody is told that it is ready: who is told may send one at once.
            let mut signals = Signals::new()?;
            let running = app::start(folder, config).await.map_err(|error| match error {
                StartError::Listen(_) => CliError::Failed(format!(
                    "{error}. Change server.listen, or for once: blotter serve --listen 127.0.0.1:0"
                )),
                error => CliError::failed(error),
            })?;
            say_ready(&running);
            let failed = until_stopped(&running, &mut signals).await;
            notify(&[NotifyState::Stopping]);
            running.stop(signals.next(|| ())).await;
            if failed {
                return Err(CliError::Failed(
                    "the log can't be written any more; start again".to_owned(),
                ));
            }
            tracing::info!("stopped");
            Ok(())
        })
    }
}

/// What everything runs on.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.enable_all().build().map_err(CliError::failed)
}

fn say_ready(running: &Running) {
    let ready = json!({
        "event": "ready", "url": running.url, "ca": running.ca, "plain": running.plain, "metrics": running.metrics, "pid": std::process::id(),
    });
    let mut out = std::io::stdout().lock();
    // Whoever started us may not read it.
    _ = writeln!(out, "{ready}").and_then(|()| out.flush());
    notify(&[NotifyState::Ready, NotifyState::Status(&running.url)]);
    tracing::info!(url = running.url, "ready");
}

/// The signals that end a server: the first one asks it to stop, the second one to hurry. A hang-up ends one whose terminal
/// was closed; any other looks at its certificate instead.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    has_terminal: bool,
}

impl Signals {
    /// From now on they are caught.
    pub(super) fn new() -> Result<Self, CliError> {
        Ok(Self {
            terminate: signal(SignalKind::terminate()).map_err(CliError::failed)?,
            interrupt: signal(SignalKind::interrupt()).map_err(CliError::failed)?,
            hangup: signal(SignalKind::hangup()).map_err(CliError::failed)?,
            // Asked now: a terminal that was closed is none any more.
            has_terminal: std::io::stdin().is_terminal(),
        })
    }

    /// Waits for one that ends the server; `hung_up` is called at each hang-up that does not.
    pub(super) async fn next(&mut self, mut hung_up: impl FnMut()) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hangup.recv() => {
                    if self.has_terminal {
                        return;
                    }
                    hung_up();
                }
            }
        }
    }
}

/// Waits for a signal, or for the write thread to fail. True: it has failed.
pub(super) async fn until_stopped(running: &Running, signals: &mut Signals) -> bool {
    let mut look = tokio::time::interval(LOOK_EVERY);
    loop {
        tokio::select! {
            () = signals.next(|| running.look_at_certificate()) => return false,
            _ = look.tick() => {
                if running.has_failed() {
                    tracing::error!("the write thread has ended; the process ends too");
                    return true;
                }
                if running.is_well() {
                    notify(&[NotifyState::Watchdog]);
                }
            }
        }
    }
}

/// Tells systemd, where there is one.
fn notify(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!(%error, "systemd was not told");
    }
}

fn log_to(config: &Config) -> Done {
    let level = match config.log.level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
        LogLevel::Trace => "trace",
    };
    // The libraries below say much that is worth no line here.
    let filter = EnvFilter::new(format!("warn,blotter={level}"));
    let registry = tracing_subscriber::registry().with(filter);
    match config.log.format {
        LogFormat::Text => {
            let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
            let colours = takes_colours(&std::io::stderr());
            registry.with(layer.with_target(false).with_ansi(colours)).init();
        }
        LogFormat::Json => {
            let layer = tracing_subscriber::fmt::layer().json().flatten_event(true);
            registry.with(layer.with_writer(std::io::stderr)).init();
        }
        LogFormat::Journald => {
            let layer = tracing_journald::layer();
            let layer = layer.map_err(|error| {
                CliError::Failed(format!(
                    "journald does not answer ({error}): set log.format to text or json"
                ))
            })?;
            registry.with(layer).init();
        }
    }
    Ok(())
}
