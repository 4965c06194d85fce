//! `init`: makes the node. What is there already stays; what differs from what was asked is a refusal, so a second run with the
//! same words changes nothing.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value as Json, json};

use crate::app::folder::{Facts, Folder, FolderError};
use crate::app::node::people_options;
use crate::cli::ask::password_of;
use crate::cli::order::Order;
use crate::cli::output::Output;
use crate::cli::reach::Reach;
use crate::cli::{CliError, Done, Place};
use crate::config::Config;
use crate::domain::kind::{OFFICE, TENANT, USER};
use crate::domain::time::SystemClock;
use crate::domain::value::Value;
use crate::server::certs::authority::Authority;
use crate::server::certs::name::{Name, names_of_node};
use crate::services::import::BatchRow;
use crate::services::people::passwords::Password;
use crate::services::shape::{Checker, is_nothing};
use crate::store::disk::{Disk, RealDisk};
use crate::store::identity::Identity;

/// Make a node: key, authority, certificate, agency, first administrator.
#[derive(Args, Clone, Debug)]
pub(super) struct Init {
    /// Short name of the agency: lower-case letters, digits, hyphens
    #[arg(long, value_name = "SLUG", default_value = "agency")]
    pub(super) tenant: String,
    /// Its number for evidence-room clients
    #[arg(long, value_name = "N")]
    pub(super) organization_id: Option<u32>,
    /// Number of the first office
    #[arg(long, value_name = "N")]
    pub(super) office_id: Option<u32>,
    /// Name shown for this box
    #[arg(long, value_name = "NAME")]
    pub(super) node_name: Option<String>,
    /// Further name or address of this machine, for its certificate; may be repeated
    #[arg(long = "host", value_name = "NAME")]
    pub(super) hosts: Vec<String>,
    /// E-mail address of the first administrator
    #[arg(long, value_name = "EMAIL")]
    pub(super) admin: Option<String>,
    /// The administrator's name [default: what stands before the @]
    #[arg(long, value_name = "NAME", requires = "admin")]
    pub(super) admin_name: Option<String>,
    /// File whose first line is the administrator's password; without it you are asked for one
    #[arg(long, value_name = "FILE", requires = "admin")]
    pub(super) admin_password_file: Option<PathBuf>,
}

impl Init {
    pub(super) fn run(self, place: &Place, output: Output) -> Done {
        let password = self.password(place, output)?;
        let keyless = self.admin.as_deref().filter(|_| password.is_none());
        let made = self.make(place, password)?;
        Reach::open(place)?.perform(Order::CategoriesSeed)?;
        output.show(&made, |made| {
            let verb = if made["created"] == true { "made" } else { "there already" };
            let data = made["data"].as_str().unwrap_or_default();
            let log = made["log"].as_str().unwrap_or_default();
            let first = match keyless {
                Some(email) if made["created"] == true => {
                    format!("blotter user password {email} --data {data}\n      ")
                }
                _ => String::new(),
            };
            format!(
                "The node is {verb}.\n\n  folder     {data}\n  agency     {}\n  log        {}…\n  authority  {}\n\n\
                 Next: {first}blotter serve --data {data}",
                made["tenant"].as_str().unwrap_or_default(),
                &log[..log.len().min(16)],
                made["ca"].as_str().unwrap_or_default(),
            ) + match made["authority_renewed"] == true {
                true => "\n\nThe authority was missing and is a new one: all clients must be given its certificate to trust.",
                false => "",
            }
        });
        Ok(())
    }

    /// The administrator's, from the file, or from whoever sits at the terminal; a node that is there has its own.
    fn password(&self, place: &Place, output: Output) -> Result<Option<String>, CliError> {
        let is_new = place.folder().facts().is_ok_and(|facts| facts.is_none());
        match (&self.admin_password_file, &self.admin) {
            (Some(file), _) => read_password(file).map(Some),
            (None, Some(email)) if is_new && !output.is_json() => password_of(email),
            _ => Ok(None),
        }
    }

    /// The administrator's name.
    fn name_of<'n>(&'n self, email: &'n str) -> &'n str {
        self.admin_name.as_deref().unwrap_or_else(|| name_in(email))
    }

    /// Makes the node, or finds that it is there.
    pub(super) fn make(&self, place: &Place, password: Option<String>) -> Result<Json, CliError> {
        let folder = place.folder();
        let config = place.load()?.config;
        self.refuse_faults(&config, password.as_deref())?;
        let (created, renewed) = self.make_files(&folder, &config)?;
        let mut reach = Reach::open(place)?;
        let facts = folder.facts().map_err(CliError::failed)?;
        let name = facts.map_or_else(|| self.tenant.clone(), |facts| facts.node_name);
        // The node's record of itself comes last: without it, an earlier run was cut off, and this one goes on.
        if reach.perform(Order::NodeIsKnown)?["known"] == true {
            self.refuse_changes(&mut reach)?;
        } else {
            self.fill(&mut reach, &name, password)?;
            reach.perform(Order::NodeKnow)?;
        }
        let identity = Identity::load(&RealDisk, folder.path()).map_err(CliError::failed)?;
        let log = identity.map(|identity| identity.log(crate::store::identity::Stream::Records).to_string());
        Ok(json!({
            "created": created,
            "authority_renewed": renewed,
            "data": folder.path(),
            "tenant": self.tenant,
            "log": log,
            "ca": Authority::certificate_file(&folder.certs()),
        }))
    }

    /// What the node would refuse is told before anything is written.
    fn refuse_faults(&self, config: &Config, password: Option<&str>) -> Done {
        self.facts()?;
        let number = |number: Option<u32>| number.map(|number| Value::Int(number.into()));
        let given = [
            (
                "--node-name",
                &TENANT,
                "name",
                self.node_name.clone().map(Value::Text),
            ),
            (
                "--organization-id",
                &TENANT,
                "organization_id",
                number(self.organization_id),
            ),
            ("--office-id", &OFFICE, "number", number(self.office_id)),
            ("--admin", &USER, "email", self.admin.clone().map(Value::Text)),
            (
                if self.admin_name.is_some() {
                    "--admin-name"
                } else {
                    "--admin"
                },
                &USER,
                "name",
                self.admin
                    .as_deref()
                    .map(|email| Value::text(self.name_of(email))),
            ),
        ];
        let mut checker = Checker::new(&|_, _| None);
        for (flag, kind, field, value) in given {
            match (kind.field(field), value) {
                (Some(field), Some(value)) if is_nothing(field.shape, &value) => {
                    checker.refuse(flag, "something");
                }
                (Some(field), Some(value)) => drop(checker.value(flag, field.shape, value)),
                _ => {}
            }
        }
        if let Some(fault) = checker.faults.first() {
            return Err(CliError::Usage(format!(
                "{} must be {}",
                fault.path, fault.expected
            )));
        }
        let rules = people_options(config, None);
        let fault = password.and_then(|password| rules.fault(&Password::new(password.to_owned()), ""));
        match fault {
            Some(fault) => Err(CliError::Failed(format!(
                "the password must have {}",
                fault.expected
            ))),
            None => Ok(()),
        }
    }

    /// A node that is there stays as it is.
    fn refuse_changes(&self, reach: &mut Reach) -> Done {
        let mut other = Vec::new();
        if let Some(number) = self.organization_id {
            let tenants = reach.perform(Order::TenantList)?;
            if !has(&tenants, |tenant| {
                tenant["slug"] == self.tenant.as_str() && tenant["organization_id"] == number
            }) {
                other.push(format!(
                    "the agency's number is not {number}: PATCH /v1/tenants/{{id}} changes it"
                ));
            }
        }
        if let Some(number) = self.office_id
            && reach.perform(put_office(number, true))?["unchanged"] != 1
        {
            other.push(format!(
                "there is no office {number} as `init` makes it: POST /v1/offices makes one"
            ));
        }
        if let Some(email) = &self.admin {
            let users = reach.perform(Order::UserList)?;
            let name = self.admin_name.as_deref();
            if !has(&users, |user| is_named(user, email)) {
                other.push(format!(
                    "{email} is nobody here: blotter user add --email {email} --name NAME --role administrator"
                ));
            } else if let Some(name) = name
                && !has(&users, |user| is_named(user, email) && user["name"] == name)
            {
                other.push(format!(
                    "{email} is not called {name}: PATCH /v1/users/{{id}} changes it"
                ));
            }
        }
        if other.is_empty() {
            return Ok(());
        }
        let other = other.join("\n");
        Err(CliError::Failed(format!(
            "the node is there already and was left as it is; what is asked differs:\n{other}"
        )))
    }

    /// Key, facts and authority. The facts come last: a folder without them holds no node. Tells whether the node was made, and
    /// whether one that was there has a new authority.
    fn make_files(&self, folder: &Folder, config: &Config) -> Result<(bool, bool), CliError> {
        let facts = self.facts()?;
        refuse_used(folder)?;
        folder.refuse_long_path().map_err(CliError::failed)?;
        folder.make().map_err(CliError::failed)?;
        let _lock = folder.lock().map_err(CliError::failed)?;
        let hosts = |facts: &Facts| [config.server.hosts.clone(), facts.host_names()].concat();
        if let Some(known) = folder.facts().map_err(CliError::failed)? {
            self.refuse_other(&known, &facts)?;
            return Ok((false, complete_authority(folder, &hosts(&known))?));
        }
        if Identity::load(&RealDisk, folder.path())
            .map_err(CliError::failed)?
            .is_none()
        {
            let identity = Identity::generate().map_err(CliError::failed)?;
            identity
                .save(&RealDisk, folder.path())
                .map_err(CliError::failed)?;
        }
        // One that was cut off between key and certificate is begun anew.
        if !Authority::certificate_file(&folder.certs()).exists() {
            make_authority(folder, &hosts(&facts))?;
        }
        folder.write_facts(&facts).map_err(CliError::failed)?;
        Ok((true, false))
    }

    fn facts(&self) -> Result<Facts, CliError> {
        let facts = Facts {
            tenant: self.tenant.clone(),
            node_name: self.node_name.clone().unwrap_or_else(|| self.tenant.clone()),
            hosts: self.hosts.clone(),
        };
        facts
            .tenant()
            .map_err(|what| CliError::Usage(format!("--tenant {what}")))?;
        match self.hosts.iter().find(|host| Name::parse(host).is_none()) {
            Some(host) => Err(CliError::Usage(format!(
                "--host {host:?} is neither a host name nor an address"
            ))),
            None => Ok(facts),
        }
    }

    fn refuse_other(&self, known: &Facts, asked: &Facts) -> Done {
        let named = self.node_name.is_some() && known.node_name != asked.node_name;
        let hosts = !asked.hosts.is_empty() && known.hosts != asked.hosts;
        if known.tenant == asked.tenant && !named && !hosts {
            return Ok(());
        }
        Err(CliError::Failed(format!(
            "the folder holds another node: agency {}, name {:?}, hosts {:?}. Ask for the same, or name another folder with --data",
            known.tenant, known.node_name, known.hosts
        )))
    }

    /// The agency, its first office, its first administrator.
    fn fill(&self, reach: &mut Reach, name: &str, password: Option<String>) -> Done {
        let mut tenant = Map::from_iter([
            ("slug".to_owned(), json!(self.tenant)),
            ("name".to_owned(), json!(name)),
        ]);
        tenant.extend(
            self.organization_id
                .map(|number| ("organization_id".to_owned(), json!(number))),
        );
        reach.perform(Order::TenantPut(tenant))?;
        if let Some(number) = self.office_id {
            reach.perform(put_office(number, false))?;
        }
        let Some(email) = &self.admin else { return Ok(()) };
        let users = reach.perform(Order::UserList)?;
        if !has(&users, |user| is_named(user, email)) {
            let data = json!({"email": email, "name": self.name_of(email), "role": "administrator"});
            let data = data.as_object().cloned().unwrap_or_default();
            reach.perform(Order::UserAdd { data, password })?;
        }
        Ok(())
    }
}

fn make_authority(folder: &Folder, hosts: &[Name]) -> Done {
    Authority::create(&folder.certs(), &names_of_node(hosts), &SystemClock).map_err(CliError::failed)?;
    Ok(())
}

/// Makes the authority of a node anew if all of it is gone; half of one is for its owner to judge.
fn complete_authority(folder: &Folder, hosts: &[Name]) -> Result<bool, CliError> {
    if Authority::is_absent(&folder.certs()).map_err(CliError::failed)? {
        return make_authority(folder, hosts).map(|()| true);
    }
    Authority::open(&folder.certs()).map_err(CliError::failed)?;
    Ok(false)
}

/// What comes before the `@` is a person's name until somebody gives another.
fn name_in(email: &str) -> &str {
    email.split('@').next().unwrap_or(email)
}

fn has(answer: &Json, is_so: impl Fn(&Json) -> bool) -> bool {
    answer["data"]
        .as_array()
        .is_some_and(|rows| rows.iter().any(is_so))
}

fn is_named(user: &Json, email: &str) -> bool {
    let known = user["email"].as_str();
    known.is_some_and(|known| known.eq_ignore_ascii_case(email.trim()))
}

/// Makes the office of this number, or finds out whether it is there.
fn put_office(number: u32, dry_run: bool) -> Order {
    let office = BatchRow {
        kind: "office".to_owned(),
        external_id: format!("office-{number}"),
        data: json!({"name": format!("Office {number}"), "number": number}),
        once: false,
    };
    Order::PutRows {
        rows: vec![vec![office]],
        before: Vec::new(),
        dry_run,
        results: false,
    }
}

/// What may lie in a folder without a node in it: what `init` makes before the key, if it was cut off there, and what a disk
/// brings along.
const NOTHING_YET: [&str; 3] = ["certs", "lock", "lost+found"];

/// A folder with something in it that is neither a node nor the beginning of one is somebody else's.
fn refuse_used(folder: &Folder) -> Done {
    let path = folder.path();
    match folder.refuse_lost() {
        Ok(()) => return Ok(()),
        Err(error @ FolderError::Lost { name: "node.key", .. }) if path.join("journal").exists() => {
            return Err(CliError::failed(error));
        }
        Err(FolderError::Lost { .. }) => return Ok(()),
        Err(_) => {}
    }
    let names = match RealDisk.list(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(CliError::Failed(format!("can't look into {error}"))),
        Ok(names) => names,
    };
    match names.iter().find(|name| !NOTHING_YET.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(CliError::Failed(format!(
            "{} is in use: it has {name} in it. Name an empty folder, or a new one, with --data",
            path.display()
        ))),
    }
}

/// The first line of a file.
pub(super) fn read_password(path: &Path) -> Result<String, CliError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| CliError::Failed(format!("can't read {}: {error}", path.display())))?;
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(line.to_owned()),
        _ => Err(CliError::Failed(format!("{} is empty", path.display()))),
    }
}
