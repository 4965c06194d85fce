//! `user`: people who sign in.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::{Value as Json, json};

use crate::cli::init::read_password;
use crate::cli::order::Order;
use crate::cli::output::Output;
use crate::cli::reach::Reach;
use crate::cli::{Done, Place, text};

/// People who sign in.
#[derive(Subcommand, Debug)]
pub(in crate::cli) enum User {
    /// Let a person sign in
    Add {
        /// The address to sign in with
        #[arg(long)]
        email: String,
        /// The name shown
        #[arg(long)]
        name: String,
        /// viewer, officer, supervisor or administrator
        #[arg(long)]
        role: String,
        /// File whose first line is the password; without it the person can't sign in yet
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// List the people
    List,
    /// Make a static token for evidence-room clients; it is shown once
    Token {
        /// The address or the id
        user: String,
    },
    /// Give a person a new password
    Password {
        /// The address or the id
        user: String,
        /// File whose first line is the password
        #[arg(long, value_name = "FILE")]
        password_file: PathBuf,
    },
    /// Let a person sign in no more
    Disable {
        /// The address or the id
        user: String,
    },
}

impl User {
    pub(in crate::cli) fn run(self, place: &Place, output: Output) -> Done {
        match self {
            Self::Add {
                email,
                name,
                role,
                password_file,
            } => {
                let password = password_file.as_deref().map(read_password).transpose()?;
                let data = json!({"email": email, "name": name, "role": role});
                let data = data.as_object().cloned().unwrap_or_default();
                let added = Reach::open(place)?.perform(Order::UserAdd { data, password })?;
                output.show(&added, |user| {
                    format!("{} is {}.", text(user, "name"), text(user, "role"))
                });
            }
            Self::List => {
                let users = Reach::open(place)?.perform(Order::UserList)?;
                output.show(&users, |users| list(output, users));
            }
            Self::Token { user } => {
                let made = Reach::open(place)?.perform(Order::UserToken(user))?;
                output.show(&made, |made| {
                    format!(
                        "{}\n\nThis is the only time that the token of {} is shown.",
                        text(made, "token"),
                        text(made, "name")
                    )
                });
            }
            Self::Password { user, password_file } => {
                let password = read_password(&password_file)?;
                let user = Reach::open(place)?.perform(Order::UserPassword { user, password })?;
                output.show(&user, |user| {
                    format!("{} has a new password.", text(user, "name"))
                });
            }
            Self::Disable { user } => {
                let disabled = Reach::open(place)?.perform(Order::UserDisable(user))?;
                output.show(&disabled, |user| {
                    format!("{} signs in no more.", text(user, "name"))
                });
            }
        }
        Ok(())
    }
}

fn list(output: Output, users: &Json) -> String {
    let row = |user: &Json| {
        let state = if user["disabled"] == true {
            "disabled"
        } else {
            "active"
        };
        let cell = |member| text(user, member).to_owned();
        vec![
            cell("id"),
            cell("email"),
            cell("name"),
            cell("role"),
            state.to_owned(),
        ]
    };
    let rows: Vec<_> = users["data"].as_array().into_iter().flatten().map(row).collect();
    if rows.is_empty() {
        return "There is nobody yet: blotter user add --email E --name N --role administrator".to_owned();
    }
    output.table(&["id", "email", "name", "role", "state"], &rows)
}
