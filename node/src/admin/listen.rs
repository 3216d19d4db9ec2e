//! The listener of the admin API: a thread of its own, so that neither a tenant nor an export of
//! millions of keys makes the other wait.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use thiserror::Error;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::Admin;
use super::announce::{Announced, Announcement};
use super::callers::Callers;
use super::secure::Secure;
use super::token::{Token, TokenError};
use crate::accept;
use crate::config::Config;
use crate::inherit::{Inherited, Place};
use crate::tls::TlsError;

/// How much lower than the others the threads run that take archives apart, hash them and write
/// them: no request of a client waits for that. Not the lowest, because what they lock others lock,
/// too.
const BLOCKING_NICE: i32 = 10;

/// How long a client may take nothing of an answer that waits for it: it has a connection meanwhile,
/// and others wait for one.
const TAKE_TIMEOUT: Duration = Duration::from_secs(30);

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

/// Where the admin API is going to listen: nothing is accepted yet, and nobody knows of it.
pub struct AdminSocket {
    listener: TcpListener,
    place: Place,
    secure: Option<Arc<Secure>>,
    /// With the tokens of the operator's own files.
    callers: Callers,
    /// Whether the process before has left it.
    is_left: bool,
}

/// The admin API of a running node, until this is dropped: connections are cut off then.
pub struct AdminListener {
    address: SocketAddr,
    /// Once more, to be kept for the process after this one.
    listener: TcpListener,
    place: Place,
    /// To read its certificates again.
    secure: Option<Arc<Secure>>,
    closed: CancellationToken,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
    /// Dropped after the thread has ended. `None` where the disk took no announcement.
    announced: Option<Announced>,
}

impl AdminSocket {
    /// Reads the operator's token and certificates, and listens where the configuration says: on the
    /// socket that the process before has left, where there is one.
    ///
    /// # Errors
    /// When the token or a certificate cannot be used, or the address not listened on.
    pub fn bind(config: &Config, left: &mut Inherited) -> Result<Self, AdminError> {
        let wanted = config.admin.address;
        let listen = |source| AdminError::Listen { address: wanted, source };
        let secure = Secure::load(&config.admin.certificates)?.map(Arc::new);
        let callers = Callers::read(&config.admin)?;
        let place = Place::of_admin(wanted);
        let (listener, is_left) = match left.take(&place).pop() {
            Some(listener) => (listener, true),
            None => {
                let listener = TcpListener::bind(wanted).map_err(listen)?;
                listener.set_nonblocking(true).map_err(listen)?;
                (listener, false)
            }
        };
        Ok(Self { listener, place, secure, callers, is_left })
    }
}

impl AdminListener {
    /// Listens where the configuration says, and [serves](Self::serve) there.
    ///
    /// # Errors
    /// As for that, and for [`AdminSocket::bind`].
    pub fn start(config: &Config, admin: Admin) -> Result<Self, AdminError> {
        Self::serve(config, admin, AdminSocket::bind(config, &mut Inherited::default())?)
    }

    /// Serves on that socket, and announces it in the data folder.
    ///
    /// Where workers can reach the address with `fetch()` and the operator has set no token, the
    /// node makes one: a tenant must not administer the node.
    ///
    /// # Errors
    /// When the folder cannot be written to, or the system gives no thread.
    pub fn serve(config: &Config, admin: Admin, socket: AdminSocket) -> Result<Self, AdminError> {
        let wanted = config.admin.address;
        let listen = |source| AdminError::Listen { address: wanted, source };
        let announce = |source| AdminError::Announce { data: config.data.clone(), source };
        std::fs::create_dir_all(&config.data).map_err(announce)?;
        let AdminSocket { listener, place, secure, mut callers, is_left } = socket;
        let address = listener.local_addr().map_err(listen)?;
        let mut made_token = None;
        if !callers.have_tokens() && config.outbound.allows(wanted.ip()) {
            let path = made_token.insert(config.data.join(MADE_TOKEN_FILE));
            // Clients that know the process before go on with this one.
            let token = match is_left.then(|| Token::left(path)).flatten() {
                Some(token) => token,
                None => made(path, Token::make(path)).map_err(announce)?,
            };
            callers = callers.with_operator(Some(token));
        }
        let kept = listener.try_clone().map_err(listen)?;
        let certificates = secure.clone();
        let closed = CancellationToken::new();
        let is_closed = closed.clone().cancelled_owned();
        let tokio = tokio::runtime::Builder::new_current_thread()
            // Those for what blocks alone: the thread of the API is no other than this one.
            .on_thread_start(|| {
                // Where it is refused, they compete with the shards.
                let _ = rustix::process::nice(BLOCKING_NICE);
            })
            .enable_all()
            .build()
            .map_err(listen)?;
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let admin = Arc::new(admin.for_callers(callers));
        let run = move || {
            tokio.block_on(async {
                let told = Arc::clone(&admin);
                tokio::task::spawn_blocking(move || told.tell_strays());
                tokio::select! {
                    () = is_closed => {}
                    () = accept::each(listener, "the admin API", move |stream, place| {
                        serve(stream, place, Arc::clone(&admin), secure.clone())
                    }) => {}
                }
                // The connections go on meanwhile.
                stopped.await;
            });
        };
        let token_file = config.admin.token_file.as_deref().or(made_token.as_deref());
        // Clients without a name of the node in mind are shown the first.
        let certificate = config.admin.certificates.first().map(|files| files.cert.as_path());
        let announcement = Announcement::new(address, token_file, certificate, config.mode);
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
        let secure = certificates;
        Ok(Self { address, listener: kept, place, secure, closed, stop, thread, announced })
    }

    /// Reads its certificates again, where it has any, and says in the log what has become of it.
    pub fn reload(&self) {
        match self.secure.as_ref().map(|secure| secure.reload()) {
            None => {}
            Some(Ok(())) => tracing::info!("the certificates of the admin API were read again"),
            Some(Err(error)) => {
                tracing::warn!(%error, "the certificates of the admin API stay as they are");
            }
        }
    }

    /// The listening socket, and what it is for.
    pub fn listener(&self) -> (Place, &TcpListener) {
        (self.place, &self.listener)
    }

    /// Accepts no more: another process has the socket, too.
    pub fn close(&self) {
        self.closed.cancel();
    }

    /// Ends it, and leaves what stands in the data folder to the process that takes over.
    pub fn hand_over(mut self) {
        if let Some(announced) = self.announced.take() {
            announced.leave();
        }
    }

    /// The address that it listens on, with the port that was taken for port 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for AdminListener {
    fn drop(&mut self) {
        self.closed.cancel();
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

async fn serve(
    stream: TcpStream,
    place: accept::Place,
    admin: Arc<Admin>,
    secure: Option<Arc<Secure>>,
) {
    let stream = place.watch(stream, TAKE_TIMEOUT);
    let Some(tls) = secure else { return admin.serve_over(stream, None, Some(place)).await };
    match tls.accept(stream).await {
        Ok(stream) => admin.serve_over(stream, Some(tls), Some(place)).await,
        Err(error) => tracing::debug!(%error, "a handshake with the admin API failed"),
    }
}
