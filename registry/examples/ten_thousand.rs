//! Measures how long a registry with many workers takes to open and to list them:
//! `cargo run --release -p isolane-registry --example ten_thousand -- [WORKERS]`.

use std::error::Error;
use std::time::Instant;

use isolane_registry::{Activation, Options, Registry, VersionRecord};

fn main() -> Result<(), Box<dyn Error>> {
    let count: u32 = std::env::args().nth(1).map_or(Ok(10_000), |text| text.parse())?;
    let folder = tempfile::tempdir()?;
    let options = Options {
        folder: folder.path().join("registry"),
        key_file: folder.path().join("secrets.key"),
        keep_versions: 100,
        keep_deployments: 1000,
        min_free_bytes: 0,
    };
    let registry = Registry::open(options.clone())?;
    let began = Instant::now();
    for number in 0..count {
        deploy(&registry, number)?;
    }
    println!("{count} workers deployed in {:?}", began.elapsed());
    drop(registry);
    let began = Instant::now();
    let registry = Registry::open(options)?;
    let opened = began.elapsed();
    let workers = registry.workers()?;
    println!("opened in {opened:?}, {} workers listed after {:?}", workers.len(), began.elapsed());
    let began = Instant::now();
    registry.remove_orphans()?;
    println!("looked for orphans in {:?}", began.elapsed());
    Ok(())
}

fn deploy(registry: &Registry, number: u32) -> Result<(), Box<dyn Error>> {
    let worker = format!("worker-{number}");
    let id = format!("{:02x}{number:062x}", number % 256);
    let routes = vec![format!("{worker}.example.com")];
    let record = VersionRecord {
        id: id.clone(),
        worker: worker.clone(),
        handlers: vec!["fetch".to_owned()],
        routes: routes.clone(),
        ..VersionRecord::default()
    };
    registry.put_version(&record, worker.as_bytes())?;
    registry.activate(&worker, &Activation { version: id, routes, ..Activation::default() })?;
    Ok(())
}
