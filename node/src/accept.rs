//! Accepts connections for what stands beside the front: the admin API, the inspector. Each is on
//! a thread of its own with few connections; the front's loop is in `front/listen.rs`.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::sleep;

/// Open connections; further ones wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 64;
/// How long accepting stops when the process has no file descriptor left.
const NO_DESCRIPTOR_PAUSE: Duration = Duration::from_millis(100);

/// Serves each connection in a task of its own, for ever. `what` is named in the log. Needs a tokio
/// runtime with I/O and time.
pub(crate) async fn each<Served>(
    listener: TcpListener,
    what: &str,
    serve: impl Fn(TcpStream) -> Served,
) where
    Served: Future<Output = ()> + Send + 'static,
{
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "{what} cannot listen"),
    };
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    while let Ok(slot) = Arc::clone(&slots).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Not needed for a correct answer.
                let _ = stream.set_nodelay(true);
                let served = serve(stream);
                tokio::spawn(async move {
                    served.await;
                    drop(slot);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "{what} cannot accept a connection");
                sleep(NO_DESCRIPTOR_PAUSE).await;
            }
        }
    }
}
