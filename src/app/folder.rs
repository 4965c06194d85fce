//! The data folder: what lies where, the lock that one process holds, and the few facts that `init` wrote down.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::domain::id::TenantId;
use crate::server::certs::name::Name;

const FACTS: &str = "node.toml";
const KEY: &str = "node.key";
const LOCK: &str = "lock";
/// Where the log lies: a folder with one in it is no empty one, whatever else is gone.
const JOURNAL: &str = "journal";
/// The address of a socket of the file system holds so many bytes, the last of which is a zero.
const SOCKET_BYTES_MAX: usize = 107;

/// Why a data folder can't be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Another process works in it.
    #[error("{} is in use by another blotter", .0.display())]
    InUse(PathBuf),
    /// There is no node in it.
    #[error("{}", no_node(.0))]
    NoNode(PathBuf),
    /// There is one, but for the file that says which.
    #[error("{}", lost(path, name))]
    Lost {
        /// The folder.
        path: PathBuf,
        /// The name of the file in it.
        name: &'static str,
    },
    /// Its path is too long.
    #[error("{}: the path has {} bytes, and a socket's has {SOCKET_BYTES_MAX} at most: name a folder with a shorter path", .0.display(), .0.as_os_str().len())]
    LongPath(PathBuf),
    /// The disk refused.
    #[error("can't use {}: {source}", path.display())]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The facts can't be read.
    #[error("{} is not what `blotter init` wrote: {what}", path.display())]
    Facts {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

fn no_node(path: &Path) -> String {
    let path = path.display();
    match fs::metadata(path.to_string()) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            format!("there is no folder {path}: `blotter init` makes a node")
        }
        _ => format!("there is no node in {path}: `blotter init` makes one"),
    }
}

fn lost(path: &Path, name: &str) -> String {
    let path = path.display();
    let way = match name {
        KEY => {
            "put back the one of its newest backup, or have the node made anew from that in another folder \
                (`blotter restore BACKUP --data DIR`); without a backup nothing can be signed as this node"
                .to_owned()
        }
        _ => format!(
            "put back the one of a backup, or let `blotter init --data {path}` write it again with the words that \
             made the node (--tenant, --node-name, --host)"
        ),
    };
    format!("{name} is missing in {path}, where a node's data lie: {way}")
}

/// What `init` was told, in `node.toml`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// The agency that the command line acts for when it names none.
    pub tenant: String,
    /// The name shown for this box.
    pub node_name: String,
    /// Further names of this machine in its certificate.
    #[serde(default)]
    pub hosts: Vec<String>,
}

impl Facts {
    /// The agency.
    ///
    /// # Errors
    /// It is not a slug.
    pub fn tenant(&self) -> Result<TenantId, String> {
        self.tenant
            .parse()
            .map_err(|_| format!("{:?} is not a short name such as metro-pd", self.tenant))
    }

    /// The further names.
    pub fn host_names(&self) -> Vec<Name> {
        self.hosts.iter().filter_map(|host| Name::parse(host)).collect()
    }
}

/// A data folder, by its path.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

/// The right to work in a folder; given back when it is dropped, or when the process ends in whatever way.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

impl Folder {
    /// The folder at this path, which need not be there.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Authority and leaf.
    pub fn certs(&self) -> PathBuf {
        self.0.join("certs")
    }

    /// The search index.
    pub fn search(&self) -> PathBuf {
        self.0.join("search")
    }

    /// Files by hash.
    pub fn files(&self) -> PathBuf {
        self.0.join("files")
    }

    /// Sessions and last uses of keys, which survive a restart and are no part of the log.
    pub fn sessions(&self) -> PathBuf {
        self.0.join("sessions.json")
    }

    /// How far those have come who listen to events under a name.
    pub fn places(&self) -> PathBuf {
        self.0.join("listeners.json")
    }

    /// How far the watchlists' follower has come.
    pub fn watched(&self) -> PathBuf {
        self.0.join("watched.json")
    }

    /// How far webhooks are told.
    pub fn deliveries(&self) -> PathBuf {
        self.0.join("webhooks.json")
    }

    /// The socket through which the command line reaches a running server.
    pub fn socket(&self) -> PathBuf {
        self.0.join("admin.sock")
    }

    /// Whether the socket can have its path.
    ///
    /// # Errors
    /// `LongPath`.
    pub fn refuse_long_path(&self) -> Result<(), FolderError> {
        let socket = self.socket();
        match socket.as_os_str().len() > SOCKET_BYTES_MAX {
            true => Err(FolderError::LongPath(socket)),
            false => Ok(()),
        }
    }

    /// Whether what makes the folder a node's is there.
    ///
    /// # Errors
    /// `NoNode` if nothing of a node is, `Lost` if the key or the facts are gone, `Io` if nobody lets us look.
    pub fn refuse_lost(&self) -> Result<(), FolderError> {
        let is_there = |name: &str| {
            let path = self.0.join(name);
            match fs::symlink_metadata(&path) {
                Ok(_) => Ok(true),
                Err(source) if source.kind() == ErrorKind::PermissionDenied => {
                    Err(FolderError::Io { path, source })
                }
                Err(_) => Ok(false),
            }
        };
        let lost = |name| FolderError::Lost {
            path: self.0.clone(),
            name,
        };
        match [is_there(KEY)?, is_there(FACTS)?, is_there(JOURNAL)?] {
            [false, false, false] => Err(FolderError::NoNode(self.0.clone())),
            [false, _, _] => Err(lost(KEY)),
            [_, false, _] => Err(lost(FACTS)),
            _ => Ok(()),
        }
    }

    /// Makes the folder, readable by its owner alone.
    ///
    /// # Errors
    /// The disk refused.
    pub fn make(&self) -> Result<(), FolderError> {
        for path in [self.0.clone(), self.certs()] {
            let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&path);
            made.map_err(|source| FolderError::Io { path, source })?;
        }
        Ok(())
    }

    /// Takes the folder for this process.
    ///
    /// # Errors
    /// `InUse`, `NoNode`, or the disk refused.
    pub fn lock(&self) -> Result<FolderLock, FolderError> {
        let path = self.0.join(LOCK);
        let opened = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path);
        let file = opened.map_err(|source| match source.kind() {
            ErrorKind::NotFound => FolderError::NoNode(self.0.clone()),
            _ => FolderError::Io {
                path: path.clone(),
                source,
            },
        })?;
        match file.try_lock() {
            Ok(()) => Ok(FolderLock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(FolderError::InUse(self.0.clone())),
            Err(TryLockError::Error(source)) => Err(FolderError::Io { path, source }),
        }
    }

    /// The facts of the node; `None` if there is none here.
    ///
    /// # Errors
    /// They can't be read.
    pub fn facts(&self) -> Result<Option<Facts>, FolderError> {
        let path = self.0.join(FACTS);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(FolderError::Io { path, source }),
        };
        let facts: Result<Facts, _> = toml::from_str(&text);
        let facts = facts.map_err(|error| error.message().to_owned());
        let sound = facts.and_then(|facts| facts.tenant().map(|_| facts));
        sound.map(Some).map_err(|what| FolderError::Facts { path, what })
    }

    /// Writes the facts down, whole or not at all.
    ///
    /// # Errors
    /// The disk refused.
    pub fn write_facts(&self, facts: &Facts) -> Result<(), FolderError> {
        let path = self.0.join(FACTS);
        let text = toml::to_string(facts).map_err(|error| FolderError::Facts {
            path: path.clone(),
            what: error.to_string(),
        })?;
        let write = || -> std::io::Result<()> {
            let new = path.with_extension("toml.new");
            let mut file = OpenOptions::new()
                .create(true)
                .truncate(true)
                .write(true)
                .mode(0o600)
                .open(&new)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&new, &path)?;
            File::open(&self.0)?.sync_all()
        };
        write().map_err(|source| FolderError::Io {
            path: path.clone(),
            source,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Facts, Folder, FolderError};

    #[test]
    fn one_process_has_the_folder_at_a_time() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path().join("data"));
        assert!(matches!(folder.lock(), Err(FolderError::NoNode(_))));
        folder.make().unwrap();
        let lock = folder.lock().unwrap();
        assert!(matches!(folder.lock(), Err(FolderError::InUse(_))));
        drop(lock);
        folder.lock().unwrap();
    }

    #[test]
    fn a_path_is_as_long_as_that_of_a_socket_may_be() {
        for (bytes, fits) in [(96, true), (97, false)] {
            let folder = Folder::new("x".repeat(bytes));
            assert_eq!(folder.refuse_long_path().is_ok(), fits, "{bytes}");
        }
    }

    #[test]
    fn facts_are_read_as_they_were_written() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path());
        assert_eq!(folder.facts().unwrap(), None);
        let facts = Facts {
            tenant: "metro".into(),
            node_name: "desk".into(),
            hosts: vec!["desk.example.org".into()],
        };
        folder.write_facts(&facts).unwrap();
        assert_eq!(folder.facts().unwrap(), Some(facts));
        std::fs::write(
            place.path().join("node.toml"),
            "tenant = \"Not A Slug\"\nnode_name = \"x\"\n",
        )
        .unwrap();
        assert!(matches!(folder.facts(), Err(FolderError::Facts { .. })));
    }
}
