//! A backup in one file: the folder of one in a zip (APPNOTE 6.3), nothing compressed, each member with its permissions.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempDir};
use zip::CompressionMethod;
use zip::read::ZipArchive;
use zip::write::{SimpleFileOptions, ZipWriter};

use crate::cli::order::Step;

/// Whether the name is that of a file: it ends with `.zip`.
pub(in crate::cli) fn is_packed(name: &Path) -> bool {
    name.extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("zip"))
}

/// A folder to work in beside what is to be made, so that there is room for one if there is for the other. It goes away.
///
/// # Errors
/// The disk's.
pub(in crate::cli) fn beside(path: &Path) -> io::Result<TempDir> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    tempfile::Builder::new()
        .prefix(".blotter-")
        .tempdir_in(parent.unwrap_or(Path::new(".")))
}

/// Packs a folder. The file appears when it is whole, on disk and read again; nobody but its owner may read it, for there is the
/// node's key in it.
///
/// # Errors
/// There is such a file already, or the disk's.
pub(in crate::cli) fn pack(folder: &Path, to: &Path, tell: &mut dyn FnMut(Step)) -> io::Result<()> {
    let scratch = beside(to)?;
    let packed = NamedTempFile::new_in(scratch.path())?;
    let files = files_of(folder)?;
    let total = files.len() as u64;
    let mut zip = ZipWriter::new(packed.as_file()).set_auto_large_file();
    for (done, (name, path)) in files.iter().enumerate() {
        tell(Step::new("packing", (done as u64, total), (done as u64, "files")));
        let mut file = File::open(path)?;
        let about = file.metadata()?;
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .large_file(about.len() >= u64::from(u32::MAX))
            .unix_permissions(about.permissions().mode() & 0o777);
        zip.start_file(name, options)?;
        io::copy(&mut file, &mut zip)?;
    }
    zip.finish()?.sync_all()?;
    read_again(packed.as_file())?;
    packed.persist_noclobber(to).map_err(|error| error.error)?;
    drop(scratch);
    File::open(to.parent().unwrap_or(to))?.sync_all()
}

/// Every member against its checksum.
fn read_again(packed: &File) -> io::Result<()> {
    let mut zip = ZipArchive::new(packed)?;
    for place in 0..zip.len() {
        io::copy(&mut zip.by_index(place)?, &mut io::sink())?;
    }
    Ok(())
}

/// Files by their names in the folder, in order.
fn files_of(folder: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut files = Vec::new();
    let mut folders = vec![(String::new(), folder.to_owned())];
    while let Some((prefix, folder)) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            match entry.file_type()?.is_dir() {
                true => folders.push((format!("{name}/"), entry.path())),
                false => files.push((name, entry.path())),
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Unpacks a file into an empty folder.
///
/// # Errors
/// It is no such file, a member is damaged or lies elsewhere, or the disk's.
pub(in crate::cli) fn unpack(packed: &Path, into: &Path) -> io::Result<()> {
    let bad = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what);
    let packed = File::open(packed)?;
    // Nothing is compressed, so what would be longer than the file has members that lie in one another.
    let mut left = packed.metadata()?.len();
    let mut zip = ZipArchive::new(packed)?;
    for place in 0..zip.len() {
        let mut member = zip.by_index(place)?;
        let path = member
            .enclosed_name()
            .ok_or_else(|| bad("a member has a name that leads elsewhere"))?;
        if !member.is_file() || member.size() > left {
            return Err(bad("a member is no file, or longer than all of the backup"));
        }
        left -= member.size();
        let path = into.join(path);
        fs::create_dir_all(path.parent().unwrap_or(into))?;
        let mode = member.unix_mode().unwrap_or(0o600) & 0o777;
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(path)?;
        let is_content = member.name().is_ok_and(|name| name.starts_with("files/"));
        match io::copy(&mut member, &mut file) {
            // The file's own name tells that it is damaged; all the rest can be brought back.
            Err(error) if is_content && error.raw_os_error().is_none() => {}
            copied => drop(copied?),
        }
    }
    Ok(())
}
