//! A small real file system behind a loop device, for what can't be had otherwise: a disk that is full, hangs, or is damaged.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

/// A mounted file system of 64 MB, unmounted when it is dropped.
pub(crate) struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    /// `None`, and loud, where mounting is not permitted.
    pub(crate) fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let (image, dir) = (folder.path().join("image"), folder.path().join("disk"));
        fs::create_dir(&dir).unwrap();
        File::create(&image).unwrap().set_len(64 << 20).unwrap();
        let done = |command: &mut Command| command.output().is_ok_and(|output| output.status.success());
        let made = done(Command::new("mkfs.ext4").args(["-q", "-m", "0"]).arg(&image))
            && done(
                Command::new("mount")
                    .args(["-o", "loop,errors=remount-ro"])
                    .args([&image, &dir]),
            );
        made.then_some(Self { folder })
    }

    /// Where it is mounted.
    pub(crate) fn dir(&self) -> PathBuf {
        self.folder.path().join("disk")
    }

    /// Somebody else takes all that is left.
    pub(crate) fn fill(&self) {
        let mut file = File::create(self.dir().join("ballast")).unwrap();
        for bytes in [1 << 20, 4096, 1] {
            while file.write_all(&vec![7; bytes]).is_ok() {}
        }
        drop(file.sync_all());
    }

    /// And gives it back.
    pub(crate) fn empty(&self) {
        fs::remove_file(self.dir().join("ballast")).unwrap();
    }
}

impl SmallDisk {
    /// From now on whoever writes waits.
    pub(crate) fn freeze(&self) {
        self.fsfreeze("-f");
    }

    /// And goes on.
    pub(crate) fn thaw(&self) {
        self.fsfreeze("-u");
    }

    fn fsfreeze(&self, way: &str) {
        let done = Command::new("fsfreeze").arg(way).arg(self.dir()).status();
        assert!(done.unwrap().success());
    }

    /// From now on every write fails, as when the system finds the disk damaged.
    pub(crate) fn damage(&self) {
        let source = Command::new("findmnt")
            .args(["-n", "-o", "SOURCE"])
            .arg(self.dir())
            .output()
            .unwrap();
        let device = String::from_utf8(source.stdout).unwrap();
        let device = device.trim().strip_prefix("/dev/").unwrap();
        fs::write(format!("/sys/fs/ext4/{device}/trigger_fs_error"), "1").unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // A test that failed may have left it frozen.
        drop(Command::new("fsfreeze").arg("-u").arg(self.dir()).output());
        drop(Command::new("umount").arg(self.dir()).output());
    }
}
