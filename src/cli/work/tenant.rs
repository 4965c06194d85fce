//! `tenant`: the agencies that this node serves. Only the owner of the folder sees them all.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::{Value as Json, json};

use crate::cli::init::read_password;
use crate::cli::order::Order;
use crate::cli::output::Output;
use crate::cli::reach::Reach;
use crate::cli::{Done, Place, text};

/// Agencies that this node serves.
#[derive(Subcommand, Debug)]
pub(in crate::cli) enum Tenant {
    /// Make an agency with its first administrator
    Add {
        /// Its short name: lower-case letters, digits, hyphens
        #[arg(long)]
        slug: String,
        /// Its full name
        #[arg(long)]
        name: String,
        /// Its number for evidence-room clients
        #[arg(long, value_name = "N")]
        organization_id: Option<u32>,
        /// E-mail address of its first administrator
        #[arg(long, value_name = "EMAIL", requires = "admin_password_file")]
        admin: Option<String>,
        /// File whose first line is the administrator's password
        #[arg(long, value_name = "FILE", requires = "admin")]
        admin_password_file: Option<PathBuf>,
    },
    /// List the agencies
    List,
}

impl Tenant {
    pub(in crate::cli) fn run(self, place: &Place, output: Output) -> Done {
        match self {
            Self::List => {
                let tenants = Reach::open(place)?.perform(Order::TenantList)?;
                output.show(&tenants, |tenants| list(output, tenants));
            }
            Self::Add {
                slug,
                name,
                organization_id,
                admin,
                admin_password_file,
            } => {
                let mut data = json!({"slug": slug, "name": name});
                if let Some(number) = organization_id {
                    data["organization_id"] = json!(number);
                }
                let password = admin_password_file.as_deref().map(read_password).transpose()?;
                if let (Some(email), Some(password)) = (admin, password) {
                    let name = email.split('@').next().unwrap_or(&email);
                    data["administrator"] = json!({"email": email, "name": name, "password": password});
                }
                let data = data.as_object().cloned().unwrap_or_default();
                let made = Reach::open(place)?.perform(Order::TenantAdd(data))?;
                output.show(&made, |made| {
                    format!(
                        "{} is served. For its own people and keys: --tenant {}",
                        text(made, "name"),
                        text(made, "slug")
                    )
                });
            }
        }
        Ok(())
    }
}

fn list(output: Output, tenants: &Json) -> String {
    let row = |tenant: &Json| {
        let number = tenant["organization_id"].as_u64();
        vec![
            text(tenant, "slug").to_owned(),
            text(tenant, "name").to_owned(),
            number.map_or_else(String::new, |number| number.to_string()),
        ]
    };
    let rows: Vec<_> = tenants["data"]
        .as_array()
        .into_iter()
        .flatten()
        .map(row)
        .collect();
    output.table(&["slug", "name", "organization"], &rows)
}
