//! The nodes that `isolane login` has been told of, in a file that only its owner can read.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use node::Token;
use serde::{Deserialize, Serialize};

/// The file, below the folder for configuration.
const FILE: &str = "isolane/nodes.json";

/// The nodes, by their URLs.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Logins {
    /// The one that is meant where none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    default: Option<String>,
    #[serde(default)]
    nodes: BTreeMap<String, Login>,
}

/// What is kept of one node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Login {
    /// The token; none for a node that asks for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<String>,
    /// The certificates to trust beside the public ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ca_file: Option<PathBuf>,
}

impl Login {
    /// The token, if there is one.
    pub(crate) fn token(&self) -> anyhow::Result<Option<Token>> {
        let Some(text) = &self.token else { return Ok(None) };
        let token = Token::new(text.as_str());
        token.map(Some).ok_or_else(|| anyhow!("the stored token is none: log in again"))
    }
}

impl Logins {
    /// Those in this user's file; none where there is no file.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn load() -> anyhow::Result<Self> {
        path().map_or_else(|| Ok(Self::default()), |path| Self::read(&path))
    }

    /// Keeps them in this user's file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn save(&self) -> anyhow::Result<()> {
        let path = path().context(
            "there is no folder for the login: set XDG_CONFIG_HOME or HOME, or use ISOLANE_TOKEN",
        )?;
        self.write(&path).with_context(|| format!("cannot write {}", path.display()))
    }

    /// The URL of the node that is meant where none is named.
    pub(crate) fn default_url(&self) -> Option<&str> {
        self.default.as_deref()
    }

    /// What is kept of the node at that URL, in normal form.
    pub(crate) fn of(&self, url: &str) -> Option<&Login> {
        self.nodes.get(url)
    }

    /// Keeps a node, which is meant from now on where none is named.
    pub(crate) fn insert(&mut self, url: String, login: Login) {
        self.default = Some(url.clone());
        self.nodes.insert(url, login);
    }

    /// Forgets a node; `false` when it was not known.
    pub(crate) fn remove(&mut self, url: &str) -> bool {
        if self.default.as_deref() == Some(url) {
            self.default = None;
        }
        self.nodes.remove(url).is_some()
    }

    fn read(path: &Path) -> anyhow::Result<Self> {
        let fault = || format!("cannot read the logins in {}", path.display());
        match fs::read(path) {
            Ok(text) => serde_json::from_slice(&text).with_context(fault),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).with_context(fault),
        }
    }

    fn write(&self, path: &Path) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let unfinished = path.with_extension("json.new");
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
        serde_json::to_writer_pretty(&mut file, self)?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        fs::rename(&unfinished, path)
    }
}

/// The file (XDG Base Directory Specification: a relative path counts as none).
fn path() -> Option<PathBuf> {
    let folder = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let configuration = folder("XDG_CONFIG_HOME");
    Some(configuration.or_else(|| Some(folder("HOME")?.join(".config")))?.join(FILE))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_is_kept_is_for_its_owner_alone_and_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("isolane/nodes.json");
        assert_eq!(Logins::read(&path).unwrap(), Logins::default());
        let mut logins = Logins::default();
        let token = Some("0123456789abcdef".to_owned());
        logins.insert("https://a.test".to_owned(), Login { token, ca_file: None });
        logins.insert("http://127.0.0.1:1".to_owned(), Login::default());
        logins.write(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let mut read = Logins::read(&path).unwrap();
        assert_eq!(read, logins);
        assert_eq!(read.default_url(), Some("http://127.0.0.1:1"));
        assert!(read.remove("http://127.0.0.1:1") && !read.remove("http://127.0.0.1:1"));
        assert_eq!(read.default_url(), None);
        assert!(read.of("https://a.test").unwrap().token().unwrap().is_some());
        read.write(&path).unwrap();
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_damaged_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("nodes.json");
        fs::write(&path, "{").unwrap();
        let error = format!("{:#}", Logins::read(&path).unwrap_err());
        assert!(error.starts_with(&format!("cannot read the logins in {}", path.display())));
    }
}
