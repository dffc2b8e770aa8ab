//! Running the program in a directory of its own.

use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

/// A directory with files in it, where the program is run.
pub struct Place(TempDir);

/// What the program did.
#[derive(Debug)]
pub struct Done {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

#[allow(dead_code)] // not every file of tests needs every helper
impl Place {
    pub fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> &Self {
        std::fs::write(self.path().join(name), content).unwrap();
        self
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).unwrap()
    }

    /// Runs the program; words are separated by blanks.
    pub fn run(&self, words: &str) -> Done {
        self.run_all(&words.split_whitespace().collect::<Vec<_>>())
    }

    pub fn run_all(&self, args: &[&str]) -> Done {
        let output = Command::new(env!("CARGO_BIN_EXE_steepest"))
            .args(args)
            .current_dir(self.path())
            .env_remove("NO_COLOR")
            .output()
            .unwrap();
        output.into()
    }
}

impl From<Output> for Done {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

#[allow(dead_code)] // as above
impl Done {
    /// The JSON on stdout, which must hold nothing else.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Refused with exit code 2, by a message that holds all of `parts`, with nothing on stdout.
    pub fn refused(&self, parts: &[&str]) {
        assert_eq!(self.code, Some(2), "{self:?}");
        assert!(self.stdout.is_empty(), "{self:?}");
        assert!(self.stderr.starts_with("error: "), "{self:?}");
        for part in parts {
            assert!(self.stderr.contains(part), "`{part}` is not in {}", self.stderr);
        }
    }

    pub fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }
}
