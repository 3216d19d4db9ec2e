//! Bundles a project and says what came out and how long it took, as for a deploy and as after a
//! change in development:
//! `cargo run --release -p isolane-bundle --example bundle -- FOLDER [RUNS] [OUT]`.

use std::path::{Path, PathBuf};
use std::time::Instant;
use std::{env, fs, process};

use isolane_bundle::{Bundle, BundleError, LoadOptions, NodeEnv, Project};

fn main() {
    let mut arguments = env::args().skip(1);
    let Some(folder) = arguments.next().map(PathBuf::from) else {
        eprintln!("usage: bundle FOLDER [RUNS] [OUT]");
        process::exit(2);
    };
    let runs = arguments.next().and_then(|runs| runs.parse().ok()).unwrap_or(10);
    let quick =
        LoadOptions { node_env: NodeEnv::Development, quick: true, ..LoadOptions::default() };
    let timed = time(&folder, runs, "changed", &quick)
        .and_then(|_| time(&folder, runs, "deployed", &LoadOptions::default()));
    match timed {
        Ok(bundle) => {
            for module in &bundle.modules {
                println!(
                    "{:>9} {:9} {}",
                    module.source.len(),
                    module.kind.as_str(),
                    module.specifier
                );
            }
            println!("{} inputs, version {}", bundle.inputs.len(), bundle.id());
            if let Some(out) = arguments.next() {
                write(&bundle, Path::new(&out));
            }
        }
        Err(error) => {
            eprintln!("error: {error}");
            process::exit(1);
        }
    }
}

fn time(
    folder: &Path,
    runs: usize,
    what: &str,
    options: &LoadOptions,
) -> Result<Bundle, BundleError> {
    let start = Instant::now();
    let mut bundle = Project::open(folder)?.load_with(options)?;
    println!("{what}: first {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
    let mut times_ms = Vec::with_capacity(runs);
    for _ in 0..runs {
        let start = Instant::now();
        bundle = Project::open(folder)?.load_with(options)?;
        times_ms.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times_ms.sort_by(f64::total_cmp);
    if let (Some(least), Some(median)) = (times_ms.first(), times_ms.get(times_ms.len() / 2)) {
        println!("{what}: then {least:.1} ms at least, {median:.1} ms in the middle of {runs}");
    }
    Ok(bundle)
}

fn write(bundle: &Bundle, out: &Path) {
    for module in &bundle.modules {
        let path = out.join(&module.specifier);
        let folder = path.parent().unwrap_or(out);
        if let Err(error) =
            fs::create_dir_all(folder).and_then(|()| fs::write(&path, &module.source))
        {
            eprintln!("error: {}: {error}", path.display());
        }
        if let Some(map) = &module.source_map {
            let _ = fs::write(path.with_added_extension("map"), map.as_bytes());
        }
    }
}
