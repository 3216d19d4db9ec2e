//! The listener of the admin API: a thread of its own, so that neither a tenant nor an export of
//! millions of keys makes the other wait.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use thiserror::Error;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::Admin;
use super::announce::{Announced, Announcement};
use super::secure::Secure;
use super::token::{Token, TokenError};
use crate::accept::{self, Place};
use crate::config::Config;
use crate::tls::TlsError;

/// The token that the node makes, in its data folder.
const MADE_TOKEN_FILE: &str = "admin.token";

/// Why the admin API cannot be offered.
#[derive(Debug, Error)]
pub enum AdminError {
    /// The token cannot be used.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The certificates cannot be used.
    #[error("the admin API: {0}")]
    Tls(#[from] TlsError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address} for the admin API: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
    /// The data folder cannot be written to.
    #[error("cannot write to {}: {source}", .data.display())]
    Announce {
        /// The data folder.
        data: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
}

/// The admin API of a running node, until this is dropped: connections are cut off then.
pub struct AdminListener {
    address: SocketAddr,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
    /// Dropped after the thread has ended. `None` where the disk took no announcement.
    _announced: Option<Announced>,
}

impl AdminListener {
    /// Listens where the configuration says, and announces that in the data folder.
    ///
    /// Where workers can reach the address with `fetch()` and the operator has set no token, the
    /// node makes one: a tenant must not administer the node.
    ///
    /// # Errors
    /// When the token or a certificate cannot be used, the address not listened on, or the folder
    /// not written to.
    pub fn start(config: &Config, admin: Admin) -> Result<Self, AdminError> {
        let wanted = config.admin.address;
        let listen = |source| AdminError::Listen { address: wanted, source };
        let announce = |source| AdminError::Announce { data: config.data.clone(), source };
        std::fs::create_dir_all(&config.data).map_err(announce)?;
        let secure = Secure::load(&config.admin.certificates)?.map(Arc::new);
        let listener = TcpListener::bind(wanted).map_err(listen)?;
        listener.set_nonblocking(true).map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let mut made_token = None;
        let token = match &config.admin.token_file {
            Some(path) => Some(Token::read(path)?),
            None if config.outbound.allows(wanted.ip()) => {
                let path = made_token.insert(config.data.join(MADE_TOKEN_FILE));
                Some(made(path, Token::make(path)).map_err(announce)?)
            }
            None => None,
        };
        let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let tokio = tokio.map_err(listen)?;
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let admin = Arc::new(admin.with_token(token));
        let run = move || {
            tokio.block_on(async {
                tokio::select! {
                    () = stopped => {}
                    () = accept::each(listener, "the admin API", move |stream, place| {
                        serve(stream, place, Arc::clone(&admin), secure.clone())
                    }) => {}
                }
            });
        };
        let token_file = config.admin.token_file.as_deref().or(made_token.as_deref());
        // Clients without a name of the node in mind are shown the first.
        let certificate = config.admin.certificates.first().map(|files| files.cert.as_path());
        let announcement = Announcement::new(address, token_file, certificate);
        let announcement = announcement.map_err(announce)?;
        let thread = std::thread::Builder::new().name("admin".to_owned()).spawn(run);
        let thread = Some(thread.map_err(listen)?);
        let announced = announcement.write(&config.data, made_token);
        let announced = announced
            .inspect_err(|error| {
                tracing::warn!(
                    %error,
                    data = %config.data.display(),
                    "the admin API cannot be announced in the data folder: commands do not find \
                     it there and have to be told its address"
                );
            })
            .ok();
        Ok(Self { address, stop, thread, _announced: announced })
    }

    /// The address that it listens on, with the port that was taken for port 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for AdminListener {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("the thread of the admin API panicked");
        }
    }
}

/// A token that was made for this node. Where the disk is full, workers are served without anybody
/// who could use the admin API: nobody can read a token that is not written.
fn made(path: &Path, written: io::Result<Token>) -> io::Result<Token> {
    written.or_else(|error| match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            tracing::warn!(
                %error,
                path = %path.display(),
                "the token of the admin API cannot be written: nobody can use it before a restart"
            );
            Token::random()
        }
        _ => Err(error),
    })
}

async fn serve(stream: TcpStream, place: Place, admin: Arc<Admin>, secure: Option<Arc<Secure>>) {
    let Some(tls) = secure else { return admin.serve_over(stream, None, Some(place)).await };
    match tls.accept(stream).await {
        Ok(stream) => admin.serve_over(stream, Some(tls), Some(place)).await,
        Err(error) => tracing::debug!(%error, "a handshake with the admin API failed"),
    }
}
