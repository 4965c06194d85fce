//! `user`: people who sign in.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};

use crate::cli::ask::password_of;
use crate::cli::init::read_password;
use crate::cli::order::Order;
use crate::cli::output::{Ink, Output};
use crate::cli::reach::Reach;
use crate::cli::{CliError, Done, Place, text};

/// People who sign in.
#[derive(Args, Debug)]
pub(in crate::cli) struct User {
    /// The agency, if it is not the node's own
    #[arg(long, global = true, value_name = "SLUG", display_order = 100)]
    tenant: Option<String>,
    #[command(subcommand)]
    deed: Deed,
}

#[derive(Subcommand, Debug)]
enum Deed {
    /// Let a person sign in
    Add {
        /// The address to sign in with
        #[arg(long)]
        email: String,
        /// The name shown
        #[arg(long)]
        name: String,
        /// viewer, officer, supervisor or administrator
        #[arg(long, value_parser = ["viewer", "officer", "supervisor", "administrator"])]
        role: String,
        /// File whose first line is the password; without it the person can't sign in yet
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// List the people
    List,
    /// Let a person sign in no more; all sessions end
    Disable {
        /// The address or the id
        user: String,
    },
    /// Let a person sign in again
    Enable {
        /// The address or the id
        user: String,
    },
    /// Give a person a new password; it ends all sessions and a lock
    Password {
        /// The address or the id
        user: String,
        /// File whose first line is the password; without it you are asked for one
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// Make a static token for evidence-room clients in place of the last one; it is shown once
    Token {
        /// The address or the id
        user: String,
        /// Take the token back and make none
        #[arg(long)]
        revoke: bool,
    },
    /// Keep a licence of evidence-room clients free for a person
    Pin {
        /// The address or the id
        user: String,
        /// Keep it free no more
        #[arg(long)]
        release: bool,
    },
}

impl User {
    pub(in crate::cli) fn run(self, place: &Place, output: Output) -> Done {
        let order = self.deed.order()?;
        let done = Reach::open(place)?.perform_for(self.tenant, order)?;
        output.show(&done, |done| self.deed.told(output, done));
        Ok(())
    }
}

impl Deed {
    fn order(&self) -> Result<Order, CliError> {
        let change = |user: &str, field: &str, value: bool| Order::UserChange {
            user: user.to_owned(),
            data: [(field.to_owned(), json!(value))].into_iter().collect(),
        };
        Ok(match self {
            Self::Add {
                email,
                name,
                role,
                password_file,
            } => {
                let password = password_file.as_deref().map(read_password).transpose()?;
                let data = json!({"email": email, "name": name, "role": role});
                let data = data.as_object().cloned().unwrap_or_default();
                Order::UserAdd { data, password }
            }
            Self::List => Order::UserList,
            Self::Disable { user } => change(user, "disabled", true),
            Self::Enable { user } => change(user, "disabled", false),
            Self::Password { user, password_file } => Order::UserPassword {
                user: user.clone(),
                password: match password_file {
                    Some(file) => read_password(file)?,
                    None => password_of(user)?.ok_or_else(|| {
                        CliError::Usage(format!(
                            "there is no password for {user}: type one at a terminal, or name --password-file FILE"
                        ))
                    })?,
                },
            },
            Self::Token { user, revoke: false } => Order::UserToken(user.clone()),
            Self::Token { user, revoke: true } => Order::UserTokenRevoke(user.clone()),
            Self::Pin { user, release } => change(user, "licence_reserved", !release),
        })
    }

    fn told(&self, output: Output, done: &Json) -> String {
        let (name, email) = (text(done, "name"), text(done, "email"));
        match self {
            Self::Add {
                password_file: Some(_),
                ..
            } => format!("{name} is {} and signs in as {email}.", text(done, "role")),
            Self::Add { .. } => format!(
                "{name} is {} and can sign in once there is a password: blotter user password {email}",
                text(done, "role")
            ),
            Self::List => list(output, done),
            Self::Disable { .. } => format!("{name} signs in no more."),
            Self::Enable { .. } => format!("{name} signs in again."),
            Self::Password { .. } => format!("{name} has a new password."),
            Self::Token { revoke: true, .. } => format!("{name} has no static token any more."),
            Self::Token { .. } => format!(
                "{}\n\nThis is the only time that the token of {name} is shown.",
                output.ink(Ink::Strong, text(done, "token")),
            ),
            Self::Pin { release: true, .. } => format!("No licence is kept free for {name} any more."),
            Self::Pin { .. } => format!("A licence is kept free for {name}."),
        }
    }
}

fn list(output: Output, users: &Json) -> String {
    let row = |user: &Json| {
        let cell = |member| text(user, member).to_owned();
        let is = |member: &str| user[member] == true;
        let state = match (is("disabled"), is("locked")) {
            (true, _) => "disabled",
            (false, true) => "locked",
            (false, false) => "active",
        };
        let extras = [("has_token", "token"), ("licence_reserved", "licence")];
        let extras: Vec<&str> = extras
            .into_iter()
            .filter_map(|(member, word)| is(member).then_some(word))
            .collect();
        vec![
            cell("email"),
            cell("name"),
            cell("role"),
            state.to_owned(),
            extras.join(", "),
            cell("id"),
        ]
    };
    let rows: Vec<_> = users["data"].as_array().into_iter().flatten().map(row).collect();
    if rows.is_empty() {
        return "There is nobody yet: blotter user add --email E --name N --role administrator".to_owned();
    }
    output.table(&["email", "name", "role", "state", "has", "id"], &rows)
}
