//! Backups of a district's server, made and put back as an operator does it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::district::{District, server_program};

impl District {
    /// Backs the running server up.
    pub fn back_up(&self, name: &str) -> PathBuf {
        let file = self.folder("backups").join(name);
        self.command("backup", "--to", &file, &[]);
        file
    }

    /// Puts a backup in the place of the stopped server's database.
    pub fn restore(&self, file: &Path) {
        self.command("restore", "--from", file, &["--replace"]);
    }

    /// Copies the stopped server's database, as somebody might who does not know `backup`.
    pub fn copy_database(&self, name: &str) -> PathBuf {
        let file = self.folder("copies").join(name);
        std::fs::copy(self.database(), &file).expect("the file is copied");
        file
    }

    /// Puts such a copy back, as somebody might who does not know `restore`.
    pub fn put_back(&self, file: &Path) {
        for ending in ["", "-wal", "-shm"] {
            let mut name = self.database().into_os_string();
            name.push(ending);
            // After a clean stop there is only the first.
            let _ = std::fs::remove_file(name);
        }
        std::fs::copy(file, self.database()).expect("the file is copied");
    }

    /// The file that the server works on.
    pub fn database(&self) -> PathBuf {
        self.data().join("district.db")
    }

    fn command(&self, name: &str, option: &str, file: &Path, more: &[&str]) {
        let done = Command::new(server_program())
            .arg(name)
            .arg("--data")
            .arg(self.data())
            .arg(option)
            .arg(file)
            .args(more)
            .output()
            .expect("the server's program runs");
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{name}: {said}");
    }
}
