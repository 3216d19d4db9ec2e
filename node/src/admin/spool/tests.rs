//! Archives that arrive over a connection, in a registry of their own.

use std::convert::Infallible;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use http::{Request, Response, StatusCode};
use hyper::body::Incoming as Body;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use registry::{Options, Registry};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::task::yield_now;
use tokio::time::timeout;

use super::*;
use crate::admin::answer::{self, Answer};
use crate::config::Names;

/// Nothing here takes so long; a test that waits for it in vain fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// The longest archive here.
const LIMIT_BYTES: usize = 4 * WRITE_BYTES;

/// Where archives arrive.
struct Disk {
    folder: TempDir,
    registry: Arc<Registry>,
    arrivals: Arc<Arrivals>,
}

impl Disk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = Options {
            folder: folder.path().join("registry"),
            key_file: folder.path().join("secrets.key"),
            keep_versions: 3,
            keep_deployments: 3,
            min_free_bytes: 0,
        };
        let registry = Arc::new(Registry::open(options).unwrap());
        Self { folder, registry, arrivals: Arc::default() }
    }

    /// A connection to a server that answers with what has arrived.
    fn connect(&self) -> DuplexStream {
        let (client, server) = duplex(1 << 10);
        let (registry, arrivals) = (Arc::clone(&self.registry), Arc::clone(&self.arrivals));
        let service = service_fn(move |request: Request<Body>| {
            let mut part = arrivals.part(&Holder::Operator, LIMIT_BYTES as u64);
            let file = Arriving::new(registry.receive(0).unwrap());
            async move {
                let body = Upload::new(request.into_body());
                let arrived = match arrive(body, file, &mut part, LIMIT_BYTES).await {
                    Ok(file) => read(file).await,
                    Err(fault) => Err(fault),
                };
                let answer: Answer = arrived.map_or_else(Fault::into_answer, |(_, archive)| {
                    Response::new(answer::whole(archive))
                });
                Ok::<_, Infallible>(answer)
            }
        });
        let connection = http1::Builder::new().serve_connection(TokioIo::new(server), service);
        tokio::spawn(async move { drop(connection.await) });
        client
    }

    /// What the files of archives that arrive have, in bytes; empty where there is none.
    fn files(&self) -> Vec<u64> {
        let files = fs::read_dir(self.folder.path().join("registry/incoming")).unwrap();
        // One may go meanwhile.
        files.filter_map(|file| Some(file.ok()?.metadata().ok()?.len())).collect()
    }

    /// Waits until no file is left: they are removed by another thread.
    async fn until_empty(&self) {
        until(|| self.files().is_empty()).await;
    }

    /// What is counted as on its way.
    fn counted(&self) -> u64 {
        self.arrivals.0.lock().get(&Holder::Operator).copied().unwrap_or(0)
    }
}

fn head(length: usize) -> Vec<u8> {
    let close = "connection: close";
    format!("PUT / HTTP/1.1\r\nhost: x\r\n{close}\r\ncontent-length: {length}\r\n\r\n").into()
}

async fn answered(mut client: DuplexStream) -> String {
    let mut bytes = Vec::new();
    timeout(PATIENCE, client.read_to_end(&mut bytes)).await.expect("it is answered").unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Waits for what other threads do.
async fn until(is_so: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "it never comes to that");
        yield_now().await;
    }
}

#[tokio::test]
async fn an_archive_goes_to_the_disk_as_it_comes() {
    let disk = Disk::new();
    let mut client = disk.connect();
    let text: String = ('a'..='z').cycle().take(3 * WRITE_BYTES + 7).collect();
    let (first, rest) = text.split_at(2 * WRITE_BYTES);
    client.write_all(&head(text.len())).await.unwrap();
    client.write_all(first.as_bytes()).await.unwrap();
    until(|| disk.files().iter().sum::<u64>() >= WRITE_BYTES as u64).await;
    assert!(disk.counted() >= WRITE_BYTES as u64);
    client.write_all(rest.as_bytes()).await.unwrap();
    let answer = answered(client).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with(&text), "{}", answer.len());
    disk.until_empty().await;
    assert_eq!(disk.counted(), 0);
}

#[tokio::test]
async fn who_goes_away_leaves_nothing() {
    let disk = Disk::new();
    let mut client = disk.connect();
    client.write_all(&head(3 * WRITE_BYTES)).await.unwrap();
    client.write_all(&[b'a'; 2 * WRITE_BYTES]).await.unwrap();
    until(|| disk.files().iter().sum::<u64>() >= WRITE_BYTES as u64).await;
    drop(client);
    disk.until_empty().await;
    until(|| disk.counted() == 0).await;
}

#[tokio::test]
async fn an_archive_that_is_too_long_is_not_kept() {
    let disk = Disk::new();
    let mut client = disk.connect();
    client.write_all(&head(LIMIT_BYTES + 1)).await.unwrap();
    client.write_all(&[b'a'; LIMIT_BYTES + 1]).await.unwrap();
    let answer = answered(client).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains("the archive is longer than"), "{answer}");
    disk.until_empty().await;
    assert_eq!(disk.counted(), 0);
}

#[test]
fn a_file_that_is_given_up_holds_up_nobody() {
    let disk = Disk::new();
    let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build();
    runtime.unwrap().block_on(async {
        // The thread that may wait for the disk does.
        let (release, released) = std::sync::mpsc::channel::<()>();
        let waits = tokio::task::spawn_blocking(move || released.recv());
        drop(Arriving::new(disk.registry.receive(0).unwrap()));
        assert_eq!(disk.files(), [0]);
        drop(release);
        assert!(waits.await.unwrap().is_err());
        disk.until_empty().await;
    });
}

#[test]
fn a_caller_has_so_much_on_its_way_and_takes_nothing_from_others() {
    let arrivals = Arc::<Arrivals>::default();
    let (mut one, mut two) =
        (arrivals.part(&Holder::Operator, 100), arrivals.part(&Holder::Operator, 100));
    one.grow(60).unwrap();
    let refused = two.grow(41).unwrap_err();
    assert_eq!(
        refused.message,
        "the operator has 60 bytes of archives on their way to the node, and may have no more than \
         100: try again when one of them has arrived"
    );
    assert_eq!(refused.into_answer().status(), StatusCode::SERVICE_UNAVAILABLE);
    arrivals.part(&Holder::Named("shop".into()), 100).grow(100).unwrap();
    two.grow(40).unwrap();
    drop(one);
    two.grow(60).unwrap();
}

#[test]
fn a_deployer_has_no_more_on_its_way_than_its_versions_may_have_but_one_archive() {
    let share = |archives_bytes| {
        let deployer = Deployer {
            name: "shop".to_owned(),
            token_file: PathBuf::new(),
            workers: Names::default(),
            routes: Vec::new(),
            namespaces: Names::default(),
            queues: Names::default(),
            archives_bytes,
        };
        share_bytes(Some(&deployer), 75)
    };
    assert_eq!([1, 100, 10_000].map(share), [75, 100, 8 * 75]);
    assert_eq!(share_bytes(None, 75), 8 * 75);
}
