//! `demo`: a box with real records, ready to look at. In a temporary folder it is gone with Ctrl-C; in one that is named it stays.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;

use crate::app::node::{Node, request_id};
use crate::app::{self, Running};
use crate::cli::init::Init;
use crate::cli::order::{Backend, Order, Refusal};
use crate::cli::output::{Ink, Output, Progress};
use crate::cli::reach::Reach;
use crate::cli::serve::{Signals, runtime, until_stopped};
use crate::cli::work::import::Job;
use crate::cli::work::key::create_for;
use crate::cli::{CliError, Done, Place};
use crate::domain::kind::ALERT;
use crate::domain::time::{Clock, SystemClock};
use crate::services::casebook::Listing;
use crate::services::demo::play::Teller;
use crate::services::demo::{DemoError, Step, later, steps};
use crate::services::import::Limits;
use crate::services::search::follow::Gauge;
use crate::services::watch;
use crate::store::database::Direction;

const COMPLAINTS: &[u8] = include_bytes!("../../data/nypd-hate-crime-complaints.csv");
const MAPPING: &str = include_str!("../../data/nypd-hate-crime-complaints.toml");
/// Where the story plays; a rule in the place of a name needs no zone files.
const ZONE: &str = "EST5EDT,M3.2.0,M11.1.0";
/// The supervisor of the story, who signs in.
const OFFICER: &str = "ruth.okafor@harborcity.example";
const TENANT: &str = "harbor-city";
/// Its number for evidence-room clients, and that of the supervisor's office.
const ORGANIZATION: u32 = 41;
const OFFICE: u32 = 901;
/// Pictures drawn ahead of their step.
const DRAWN_AHEAD: usize = 8;
/// After which time something comes in that is on the watchlist.
const LATER: Duration = Duration::from_secs(12);

/// Show a box with real records; it ends with Ctrl-C.
#[derive(Args, Debug)]
pub(super) struct Demo {
    /// Address with port; port 0 picks one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8443")]
    listen: SocketAddr,
    /// Don't open a browser
    #[arg(long)]
    no_open: bool,
}

impl Demo {
    pub(super) fn run(self, place: &Place, output: Output) -> Done {
        let begun = Instant::now();
        let temporary = tempfile::Builder::new().prefix("blotter-demo-").tempdir();
        let temporary = temporary.map_err(CliError::failed)?;
        let kept = place.data.is_some();
        let data = place.data.clone().unwrap_or_else(|| temporary.path().to_owned());
        refuse_used(&data)?;
        let place = Place {
            data: Some(data),
            ..place.clone()
        };
        banner(output);
        init().make(&place, None)?;
        let mut config = place.load()?.config;
        config.server.listen = self.listen;
        let runtime = runtime()?;
        let running = runtime
            .block_on(app::start(place.folder(), config))
            .map_err(|error| {
                CliError::Failed(format!(
                    "{error}; another address: blotter demo --listen 127.0.0.1:0"
                ))
            })?;
        let (node, gauge) = (Arc::clone(running.node()), running.gauge());
        let mut signals = runtime.block_on(async { Signals::new() })?;
        let filled = runtime.block_on(async {
            let filling = tokio::task::spawn_blocking(move || fill(&node, &gauge, output));
            tokio::select! {
                filled = filling => Some(filled.map_err(CliError::failed).flatten()),
                _ = until_stopped(&running, &mut signals) => None,
            }
        });
        let credentials = match filled {
            Some(Ok(credentials)) => credentials,
            other => {
                // What still fills it finds that it may write no more.
                runtime.block_on(running.stop(signals.next(|| ())));
                return other.map_or(Ok(()), |failed| failed.map(drop));
            }
        };
        let seconds = begun.elapsed().as_secs_f64();
        let stays = kept.then(|| place.folder().path().display().to_string());
        show(&running, &credentials, (seconds, stays.as_deref()), output);
        if !self.no_open && std::io::stdout().is_terminal() {
            open_browser(&running.url);
        }
        let goes_on = play_on(&running, output)?;
        runtime.block_on(async {
            until_stopped(&running, &mut signals).await;
            // The story ends with the demo.
            drop(goes_on);
            output.say("");
            running.stop(signals.next(|| ())).await;
        });
        output.say(&match stays {
            Some(data) => format!("  Ended. It stays in {data}; to go on: blotter serve --data {data}"),
            None => "  Gone.".to_owned(),
        });
        Ok(())
    }
}

fn init() -> Init {
    Init {
        tenant: TENANT.to_owned(),
        organization_id: Some(ORGANIZATION),
        office_id: None,
        node_name: Some("Harbor City Police".to_owned()),
        hosts: Vec::new(),
        admin: None,
        admin_name: None,
        admin_password_file: None,
    }
}

fn refuse_used(data: &PathBuf) -> Done {
    let used = std::fs::read_dir(data).is_ok_and(|mut entries| entries.next().is_some());
    if used {
        return Err(CliError::Failed(format!(
            "{data} is not empty; the demo wants a folder of its own. A demo that stayed there goes on with: blotter serve --data {data}",
            data = data.display()
        )));
    }
    Ok(())
}

fn banner(output: Output) {
    let name = output.ink(Ink::Strong, "blotter");
    let version = output.ink(Ink::Faint, env!("CARGO_PKG_VERSION"));
    output.say(&format!(
        "\n  {name} {version}   the front desk's book\n\n  2,406 complaints that New York City published, and twelve cases that we made up.\n"
    ));
}

/// How a visitor comes in.
struct Credentials {
    key: String,
    password: String,
    /// The supervisor's, for evidence-room clients.
    token: String,
}

/// Fills the box through its services; gives what opens it.
fn fill(node: &Arc<Node>, gauge: &Gauge, output: Output) -> Result<Credentials, CliError> {
    let story = story(steps)?;
    let drawn = draw(&story)?;
    let backend = Backend::new(node, Some(gauge.clone()));
    let mut reach = Reach::Here(Box::new(backend));
    let bytes = COMPLAINTS.len() as u64;
    let job = Job {
        mapping: MAPPING,
        bytes,
        rejects: None,
        results: None,
        dry_run: false,
        limits: Limits::default(),
    };
    job.run(
        COMPLAINTS,
        &mut reach,
        Progress::new(output, "taking in complaints", "rows", bytes),
    )?;
    tell(node, story, &drawn, output)?;
    let key = create_for(&mut reach, "demo")?;
    let password = format!("desk-{}", &request_id()[..10]);
    reach.perform(Order::UserPassword {
        user: OFFICER.to_owned(),
        password: password.clone(),
    })?;
    let made = reach.perform(Order::UserToken(OFFICER.to_owned()))?;
    let token = made["token"].as_str().unwrap_or_default().to_owned();
    gauge.wait(Duration::from_secs(5));
    Ok(Credentials { key, password, token })
}

fn story(part: fn(Timestamp, TimeZone) -> Result<Vec<Step>, DemoError>) -> Result<Vec<Step>, CliError> {
    let now = Timestamp::from_millisecond(SystemClock.now().0).map_err(CliError::failed)?;
    let zone = TimeZone::posix(ZONE).map_err(CliError::failed)?;
    part(now, zone).map_err(CliError::failed)
}

/// Pictures are drawn on a thread of their own, in the order in which they are needed.
fn draw(story: &[Step]) -> Result<Receiver<Vec<u8>>, CliError> {
    let photos: Vec<_> = story
        .iter()
        .filter_map(|step| match step {
            Step::Photo { photo, .. } => Some(photo.clone()),
            _ => None,
        })
        .collect();
    let (sender, drawn) = sync_channel(DRAWN_AHEAD);
    let thread = std::thread::Builder::new().name("drawing".into());
    let drawing = thread.spawn(move || {
        for photo in photos {
            let jpeg = photo.jpeg().unwrap_or_else(|error| {
                tracing::error!(%error, "a picture could not be drawn");
                Vec::new()
            });
            // Whoever wanted them may have given up.
            if sender.send(jpeg).is_err() {
                return;
            }
        }
    });
    drawing.map(|_| drawn).map_err(CliError::failed)
}

fn tell(node: &Node, story: Vec<Step>, drawn: &Receiver<Vec<u8>>, output: Output) -> Done {
    let services = &node.services;
    let owner = services.admit_owner(node.tenant(), request_id());
    let mut teller = Teller::new(services, owner);
    let total = story.len() as u64;
    let mut progress = Progress::new(output, "telling twelve cases", "steps", total);
    for (done, step) in (1..).zip(story) {
        let picture = match &step {
            Step::Photo { .. } => drawn.recv().ok(),
            _ => None,
        };
        let told = format!("{step:?}");
        let taken = teller.take(step, picture).map_err(Refusal::from);
        taken.map_err(|refusal| {
            CliError::Failed(format!("step {done} of the story, {told:.300}: {refusal}"))
        })?;
        progress.at(done, done);
    }
    progress.end(total);
    Ok(())
}

/// Lets the story go on by itself some seconds later; it ends early when what is given back is dropped.
fn play_on(running: &Running, output: Output) -> Result<SyncSender<()>, CliError> {
    let (ends, ended) = sync_channel(0);
    let (node, gauge) = (Arc::clone(running.node()), running.watching());
    let thread = std::thread::Builder::new().name("story".into());
    let playing = thread.spawn(move || {
        if ended.recv_timeout(LATER) != Err(RecvTimeoutError::Timeout) {
            return;
        }
        if let Err(error) = tell_later(&node, &gauge, output) {
            tracing::error!(%error, "the story could not go on");
        }
    });
    playing.map(|_| ends).map_err(CliError::failed)
}

/// What comes in now is on the watchlist: the terminal tells of the alert, as `/v1/events` does.
fn tell_later(node: &Node, gauge: &watch::Gauge, output: Output) -> Done {
    let services = &node.services;
    let owner = services.admit_owner(node.tenant(), request_id());
    let before = services.now();
    let mut teller = Teller::new(services, owner.clone());
    for step in story(later)? {
        teller
            .take(step, None)
            .map_err(|failure| CliError::from(Refusal::from(failure)))?;
    }
    gauge
        .wait(Duration::from_secs(10))
        .map_err(|failure| CliError::from(Refusal::from(failure)))?;
    let listing = Listing {
        way: Direction::Down,
        limit: 10,
        ..Listing::default()
    };
    let alerts = services
        .list(&owner, &ALERT, &listing)
        .map_err(|failure| CliError::from(Refusal::from(failure)))?;
    let now = alerts
        .records
        .iter()
        .filter(|alert| alert.created.hlc.millis() >= before);
    for alert in now {
        let text = |field: &str| alert.text(field).unwrap_or_default().to_owned();
        let severity = output.ink(Ink::Strong, &format!("{} alert", text("severity")));
        output.say(&format!(
            "\n  {severity}  {}\n  {}",
            text("reason"),
            text("handling")
        ));
    }
    Ok(())
}

/// How it is reached; after how many seconds, and in which folder it stays, if it does.
fn show(running: &Running, credentials: &Credentials, (seconds, stays): (f64, Option<&str>), output: Output) {
    let Credentials { key, password, token } = credentials;
    let url = &running.url;
    let ca = running
        .ca
        .as_ref()
        .map(|path| path.display().to_string())
        .unwrap_or_default();
    let data = running.node().folder.path();
    let variables = format!("export BOX={url} CA={ca} KEY={key} TOKEN={token}");
    let curl = format!("curl --cacert {ca} --oauth2-bearer {key}");
    let tries = [
        (
            "a name that sounds alike",
            format!("{curl} '{url}/v1/search?q=Cathrine+Doile'"),
        ),
        (
            "wait for what happens: in some seconds something on the watchlist turns up",
            format!(
                "{curl} -N -H 'accept: text/event-stream' '{url}/v1/events?types=watchlist.matched,case.alert.*'"
            ),
        ),
        (
            "a plate, half read",
            format!("{curl} '{url}/v1/search?q=8B0-I7&facets=true'"),
        ),
        (
            "a new case",
            format!(
                "{curl} {url}/v1/cases -H 'content-type: application/json' -d '{{\"data\":{{\"title\":\"Bicycle found\"}}}}'"
            ),
        ),
    ];
    let room = format!(
        "curl --cacert {ca} --oauth2-bearer {token} -H 'StaticToken: true' -H 'OrganizationId: {ORGANIZATION}' -H 'OfficeId: {OFFICE}'"
    );
    let tries = tries.into_iter().chain([(
        "the first item of the evidence room",
        format!("{room} '{url}/api/items/seqOrgID/1'"),
    )]);
    let tries: Vec<(&str, String)> = tries.collect();
    let curls: Vec<&str> = tries.iter().map(|(_, line)| line.as_str()).collect();
    let shown = json!({"event": "ready", "url": url, "ca": ca, "key": key, "static_token": token, "organization_id": ORGANIZATION, "office_id": OFFICE, "user": OFFICER, "password": password, "data": data, "export": variables, "curl": curls, "pid": std::process::id()});
    output.show(&shown, |_| {
        let mut lines = vec![format!("\n  Ready in {seconds:.1} s.\n")];
        lines.extend(labelled(
            output,
            &[
                ("open", output.ink(Ink::Strong, url)),
                ("reference", format!("{url}/docs")),
                ("sign-in", format!("{OFFICER}  {password}")),
                ("API key", key.clone()),
                ("SAFE token", token.clone()),
                ("folder", data.display().to_string()),
            ],
        ));
        lines.push(String::new());
        let named = ("for the lines of docs/API.md", variables);
        for (about, line) in [&named].into_iter().chain(&tries) {
            lines.push(format!(
                "  {}\n  {line}\n",
                output.ink(Ink::Faint, &format!("# {about}"))
            ));
        }
        lines.push(match stays {
            Some(data) => format!("  Ctrl-C ends it. It stays in {data}."),
            None => "  Ctrl-C ends it, and nothing stays.".to_owned(),
        });
        lines.join("\n")
    });
}

/// Lines of a label and what it is for, one below the other.
fn labelled(output: Output, rows: &[(&str, String)]) -> Vec<String> {
    let width = rows.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
    let line = |(label, text): &(&str, String)| {
        let label = output.ink(Ink::Faint, &format!("{label:width$}"));
        format!("  {label}  {text}")
    };
    rows.iter().map(line).collect()
}

/// Where there is a desktop.
fn open_browser(url: &str) {
    let desktop = ["WAYLAND_DISPLAY", "DISPLAY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some());
    if desktop {
        let opening = Command::new("xdg-open")
            .arg(url)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        if let Err(error) = opening {
            tracing::debug!(%error, "no browser was opened");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Output, labelled};

    #[test]
    fn no_label_runs_into_what_it_is_for() {
        let rows = [
            ("folder", "/tmp/x".to_owned()),
            ("SAFE token", "tokenst_x".to_owned()),
        ];
        let lines = labelled(Output::new(false), &rows);
        assert_eq!(lines, ["  folder      /tmp/x", "  SAFE token  tokenst_x"]);
    }
}
