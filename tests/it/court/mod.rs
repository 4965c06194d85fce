//! What a court asks for: records expunged for good, proofs and bundles that leave the house.

mod bundles;
mod expunge;
mod hold;
mod proofs;

use std::path::Path;
use std::sync::Arc;

use blotter::domain::kind::EVIDENCE;
use blotter::services::Services;
use blotter::services::caller::Caller;
use blotter::services::files::Purpose;
use blotter::store::disk::{Disk, RealDisk};
use blotter::store::verify::{Source, verify_open};
use blotter::views::FOLD;

/// Verifies an open store, its rows included.
pub(crate) fn faults(services: &Services, folder: &Path) -> Vec<String> {
    let scratch = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let source = Source {
        disk: &disk,
        dir: folder,
        fold: FOLD,
        scratch: scratch.path(),
    };
    let rows = services.snapshot().unwrap();
    let report = verify_open(source, services.store().journal(), Some(&rows), &mut |_| {}).unwrap();
    assert!(report.rows.is_some());
    report.told()
}

/// Adds a file to an item of evidence.
pub(crate) fn attach(services: &Services, caller: &Caller, item: &str, bytes: &[u8]) {
    let mut upload = services.files().begin(Purpose::Evidence, 1 << 20).unwrap();
    upload.write(bytes).unwrap();
    let uploaded = upload.finish(Some("statement.txt")).unwrap();
    services
        .attach_files(caller, (&EVIDENCE, item), vec![uploaded], None, |_, _| Ok(()))
        .unwrap();
}

/// The files below a folder that hold one of these words as they are.
pub(crate) fn holding(folder: &Path, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holding(&path, words));
        } else if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            let held = words.iter().filter(|word| {
                let word = word.as_bytes();
                bytes.windows(word.len()).any(|window| window == word)
            });
            found.extend(held.map(|word| format!("{}: {word}", path.display())));
        }
    }
    found
}
