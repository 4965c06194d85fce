//! File and environment → a checked [`Config`]. Every setting is declared once, in `settings.rs`; parsing, defaults and
//! `docs/api/config.md` come from there. All faults are told at once. Nothing below the root knows of this module.

use std::fmt;
use std::path::Path;

/// The reference page that `docs/api/config.md` holds.
pub mod docs;
/// What was typed, and where.
mod raw;
/// The declaration of all settings.
pub mod settings;
/// How the text of a setting becomes a value.
pub mod value;

use crate::config::raw::RawConfig;
pub use crate::config::settings::Config;
use crate::server::limits::Limits;
use crate::services::import;

/// Where a setting got its value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// A line of the file, from 1.
    File {
        /// Which file.
        file: String,
        /// Which line.
        line: usize,
    },
    /// A variable of the environment, which wins over the file.
    Environment {
        /// Its name.
        variable: String,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { file, line } => write!(f, "{file}:{line}"),
            Self::Environment { variable } => f.write_str(variable),
        }
    }
}

/// One thing that is wrong with the configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Where it was written.
    pub origin: Origin,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.origin {
            Origin::Default => f.write_str(&self.what),
            _ => write!(f, "{}: {}", self.origin, self.what),
        }
    }
}

/// The configuration can't be used. One line a fault, below how many there are.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("can't read the configuration {file}: {source}")]
    Unreadable {
        /// Which file.
        file: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// All that is wrong with the settings.
    #[error("{}", lines(.0))]
    Faults(Vec<Fault>),
}

fn lines(faults: &[Fault]) -> String {
    match faults {
        [fault] => fault.to_string(),
        faults => {
            let lines: Vec<String> = faults.iter().map(|fault| format!("\n  {fault}")).collect();
            format!("{} settings are wrong:{}", faults.len(), lines.concat())
        }
    }
}

/// One setting as `config print` shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shown {
    /// `server.listen`
    pub name: String,
    /// Its value in the form in which it is typed; empty when it is not set.
    pub value: String,
    /// Where it came from.
    pub origin: Origin,
}

/// A configuration with its story.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The checked settings.
    pub config: Config,
    /// Every setting with its value and where it came from, in the order of the reference.
    pub shown: Vec<Shown>,
}

/// Reads the file, if there is one, and the variables (`BLOTTER_<SECTION>_<KEY>`; those of other programs are passed
/// over), and checks everything.
pub fn load(
    file: Option<&Path>,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Loaded, ConfigError> {
    let mut raw = RawConfig::default();
    let mut faults = Vec::new();
    if let Some(path) = file {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
            file: name.clone(),
            source,
        })?;
        raw.add_file(&name, &text, &mut faults);
    }
    raw.add_variables(variables, &mut faults);
    let config = Config::read(&raw, &mut faults);
    faults.extend(contradictions(&config, &raw));
    if faults.is_empty() {
        Ok(Loaded {
            shown: config.shown(&raw),
            config,
        })
    } else {
        Err(ConfigError::Faults(faults))
    }
}

/// What each setting by itself can't tell.
fn contradictions(config: &Config, raw: &RawConfig) -> Vec<Fault> {
    let fault = |section, key, what: &str| Fault {
        origin: raw.origin(section, key),
        what: what.to_owned(),
    };
    let mut faults = Vec::new();
    let tls = &config.tls;
    if tls.certificate_file.is_some() && tls.key_file.is_none() {
        faults.push(fault(
            "tls",
            "certificate_file",
            "tls.certificate_file needs tls.key_file",
        ));
    }
    if tls.key_file.is_some() && tls.certificate_file.is_none() {
        faults.push(fault(
            "tls",
            "key_file",
            "tls.key_file needs tls.certificate_file",
        ));
    }
    let server = &config.server;
    for (key, address) in [
        ("plain_listen", server.plain_listen),
        ("metrics_listen", server.metrics_listen),
    ] {
        let beyond = address.is_some_and(|address| !address.ip().to_canonical().is_loopback());
        if beyond && !server.plain_beyond_loopback {
            let what = format!(
                "server.{key} would serve plaintext to other machines: server.plain_beyond_loopback allows it"
            );
            faults.push(fault("server", key, &what));
        }
    }
    faults
}

impl Default for Config {
    /// A working box: what an empty file and an empty environment give.
    fn default() -> Self {
        Self::read(&RawConfig::default(), &mut Vec::new())
    }
}

impl Config {
    /// The limits of the listeners.
    pub fn limits(&self) -> Limits {
        let limits = &self.limits;
        Limits {
            connections_max: limits.connections_max,
            connections_per_ip_max: limits.connections_per_ip_max,
            handshake_seconds_max: limits.handshake_seconds_max,
            head_seconds_max: limits.head_seconds_max,
            idle_seconds_max: limits.idle_seconds_max,
            body_grace_seconds: limits.body_grace_seconds,
            body_rate_bytes_min: limits.body_rate_bytes_min,
            write_stall_seconds_max: limits.write_stall_seconds_max,
            header_bytes_max: limits.header_bytes_max,
            headers_max: limits.headers_max,
            streams_max: limits.streams_max,
            resets_pending_max: limits.resets_pending_max,
            given_up_max: limits.given_up_max,
            penalty_ms: limits.penalty_ms,
            drain_seconds_max: limits.drain_seconds_max,
            hsts_seconds: limits.hsts_seconds,
        }
    }

    /// How large the rows of an import may be.
    pub fn import_limits(&self) -> import::Limits {
        import::Limits {
            cell_bytes_max: self.import.cell_bytes_max,
            row_bytes_max: self.import.row_bytes_max,
            row_lines_max: self.import.row_lines_max,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::{Config, ConfigError, load};
    use crate::server::limits::Limits;
    use crate::services::import;

    fn with(text: &str, variables: &[(&str, &str)]) -> Result<super::Loaded, Vec<String>> {
        let mut file = tempfile::Builder::new().prefix("blotter").tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let name = file.path().display().to_string();
        load(Some(file.path()), variables).map_err(|error| match error {
            ConfigError::Faults(faults) => faults
                .iter()
                .map(|fault| fault.to_string().replace(&name, "file"))
                .collect(),
            unreadable @ ConfigError::Unreadable { .. } => panic!("{unreadable}"),
        })
    }

    fn check(text: &str, variables: &[(&str, &str)], expected: &[&str]) {
        assert_eq!(
            with(text, variables).map(|loaded| loaded.config).unwrap_err(),
            expected
        );
    }

    #[test]
    fn an_empty_configuration_is_the_default_one() {
        let loaded = with("", &[("PATH", "/bin"), ("BLOTTER_DATA", "/data")]).unwrap();
        assert_eq!(loaded.config, Config::default());
        assert_eq!(loaded.config.limits(), Limits::default());
        assert_eq!(loaded.config.import_limits(), import::Limits::default());
    }

    #[test]
    fn the_environment_wins_over_the_file_and_both_are_told() {
        let text =
            "# a desk\n[server]\nlisten = \"0.0.0.0:443\"\nhosts = [\"desk.example.org\", \"10.0.0.7\"]\n";
        let loaded = with(text, &[("BLOTTER_SERVER_LISTEN", "[::]:8443")]).unwrap();
        assert_eq!(loaded.config.server.listen.port(), 8443);
        assert_eq!(loaded.config.server.hosts.len(), 2);
        let told: Vec<_> = loaded
            .shown
            .iter()
            .take(8)
            .map(|s| format!("{} {}", s.value, s.origin))
            .collect();
        assert_eq!(told[0], "[::]:8443 BLOTTER_SERVER_LISTEN");
        assert!(
            told.iter()
                .any(|line| line.starts_with("desk.example.org,10.0.0.7 ") && line.ends_with(":4"))
        );
        assert!(told.iter().any(|line| line == "false default"));
    }

    #[test]
    fn all_faults_are_told_at_once_with_their_place() {
        check(
            "[server]\nlisten = \"here\"\nlisen = \"x\"\n[limts]\n[limits]\nheaders_max = 0\n",
            &[("BLOTTER_LOG_LEVEL", "loud"), ("BLOTTER_LOG_FROMAT", "json")],
            &[
                "file:3: there is no setting server.lisen; did you mean server.listen?",
                "file:4: there is no section limts; did you mean limits?",
                "BLOTTER_LOG_FROMAT: there is no such setting; did you mean BLOTTER_LOG_FORMAT?",
                "file:2: server.listen is \"here\", which is not an address with a port",
                "file:6: limits.headers_max is \"0\", which is not a whole number from 10 to 1000",
                "BLOTTER_LOG_LEVEL: log.level is \"loud\", which is not one of error, warn, info, debug, trace",
            ],
        );
    }

    #[test]
    fn what_is_not_toml_is_told_with_its_line() {
        let faults = with("[server]\nlisten = \n", &[])
            .map(|loaded| loaded.config)
            .unwrap_err();
        assert!(faults[0].starts_with("file:2: "), "{faults:?}");
        check(
            "server = 5\n",
            &[],
            &["file:1: server is a section: write [server]"],
        );
        check(
            "[server]\nlisten = 1.5\n",
            &[],
            &["file:2: server.listen can't be a float"],
        );
    }

    #[test]
    fn settings_that_contradict_each_other_are_refused() {
        check(
            "[tls]\nkey_file = \"k\"\n",
            &[],
            &["file:2: tls.key_file needs tls.certificate_file"],
        );
        let plain = "file:2: server.plain_listen would serve plaintext to other machines: \
                     server.plain_beyond_loopback allows it";
        check("[server]\nplain_listen = \"0.0.0.0:80\"\n", &[], &[plain]);
    }
}
