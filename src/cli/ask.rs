//! Asks whoever sits at the terminal for a password, which is not shown while it is typed. Where nobody sits nobody is asked.

use std::io::{IsTerminal, Stdin, Write, stderr, stdin};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::cli::CliError;

/// A password for somebody, typed twice; none if nobody can be asked, or nothing was typed.
pub(super) fn password_of(whom: &str) -> Result<Option<String>, CliError> {
    if !stdin().is_terminal() || !stderr().is_terminal() {
        return Ok(None);
    }
    let hidden = Hidden::begin(stdin())?;
    let password = hidden.line(&format!("Password for {whom} (none: Enter): "))?;
    if password.is_empty() {
        return Ok(None);
    }
    match hidden.line("The same again: ")? == password {
        true => Ok(Some(password)),
        false => Err(CliError::Failed("the two passwords differ".to_owned())),
    }
}

/// A terminal that shows nothing of what is typed until this is dropped.
struct Hidden {
    terminal: Stdin,
    before: Termios,
}

impl Hidden {
    fn begin(terminal: Stdin) -> Result<Self, CliError> {
        let before = tcgetattr(&terminal).map_err(CliError::failed)?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        // What was typed ahead stays.
        tcsetattr(&terminal, OptionalActions::Now, &hidden).map_err(CliError::failed)?;
        Ok(Self { terminal, before })
    }

    fn line(&self, question: &str) -> Result<String, CliError> {
        let mut line = String::new();
        let asked = write!(stderr(), "{question}").and_then(|()| self.terminal.read_line(&mut line));
        // The line's end was not shown either.
        asked.and_then(|_| writeln!(stderr())).map_err(CliError::failed)?;
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        if let Err(error) = tcsetattr(&self.terminal, OptionalActions::Now, &self.before) {
            tracing::debug!(%error, "the terminal stays as it is");
        }
    }
}
