//! Where a node's admin API is, written into its data folder for the commands that look for it.

use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::config::Mode;

const FILE: &str = "admin.json";

/// Where the node that has a data folder answers to commands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// The address to connect to.
    pub address: SocketAddr,
    /// The node's process.
    pub pid: u32,
    /// The file of the token that it asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// The file of the certificate that it shows, where it speaks TLS. Whoever finds a node
    /// through its folder knows it by that, whatever name the certificate has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// Whether it is a node for development, which takes no deploys.
    #[serde(default)]
    pub is_for_development: bool,
}

/// An announcement that is there until this is dropped.
pub(super) struct Announced {
    path: PathBuf,
    /// A token's file that goes with it.
    made_token: Option<PathBuf>,
    /// Whether it is another process's.
    is_left: bool,
}

impl Announcement {
    /// That of this process, which listens at that address.
    pub(super) fn new(
        listening: SocketAddr,
        token_file: Option<&Path>,
        certificate: Option<&Path>,
        mode: Mode,
    ) -> io::Result<Self> {
        Ok(Self {
            address: SocketAddr::new(reachable(listening.ip()), listening.port()),
            pid: std::process::id(),
            token_file: token_file.map(std::path::absolute).transpose()?,
            certificate: certificate.map(std::path::absolute).transpose()?,
            is_for_development: mode == Mode::Dev,
        })
    }

    /// The announcement in a data folder. A node that was killed leaves its own behind: it holds
    /// only while the process that it names has the folder.
    ///
    /// # Errors
    /// When there is one that cannot be read.
    pub fn read(data: &Path) -> io::Result<Option<Self>> {
        match std::fs::read(data.join(FILE)) {
            Ok(text) => Ok(Some(serde_json::from_slice(&text)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes it into a data folder, so that nobody ever reads a half of it.
    pub(super) fn write(&self, data: &Path, made_token: Option<PathBuf>) -> io::Result<Announced> {
        let path = data.join(FILE);
        let unfinished = data.join(format!("{FILE}.new"));
        let written = std::fs::File::create(&unfinished).and_then(|mut file| {
            serde_json::to_writer(&mut file, self)?;
            file.write_all(b"\n")
        });
        if let Err(error) = written.and_then(|()| std::fs::rename(&unfinished, &path)) {
            // Nor is there one of an earlier process, which would mislead.
            for path in [&unfinished, &path] {
                let _ = std::fs::remove_file(path);
            }
            return Err(error);
        }
        Ok(Announced { path, made_token, is_left: false })
    }
}

impl Announced {
    /// It stays: another process is about to put its own in its place.
    pub(super) fn leave(mut self) {
        self.is_left = true;
    }
}

impl Drop for Announced {
    fn drop(&mut self) {
        if self.is_left {
            return;
        }
        for path in [Some(&self.path), self.made_token.as_ref()].into_iter().flatten() {
            if let Err(error) = std::fs::remove_file(path) {
                tracing::warn!(%error, path = %path.display(), "cannot be removed");
            }
        }
    }
}

/// The address at which a listener on all interfaces is reached from this machine.
fn reachable(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_announcement_goes_with_its_node() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Announcement::read(folder.path()).unwrap(), None);
        let listening = "0.0.0.0:8788".parse().unwrap();
        let token = Path::new("/etc/token");
        let announcement = Announcement::new(listening, Some(token), None, Mode::Serve).unwrap();
        assert_eq!(announcement.address.to_string(), "127.0.0.1:8788");
        let announced = announcement.write(folder.path(), None).unwrap();
        assert_eq!(Announcement::read(folder.path()).unwrap(), Some(announcement));
        drop(announced);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn an_announcement_that_is_damaged_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), "{").unwrap();
        assert!(Announcement::read(folder.path()).is_err());
    }
}
