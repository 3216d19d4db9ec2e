//! `isolane dev`: workers on a developer's machine, reloaded when their files change.

mod awaited;
mod builds;
mod certificates;
mod folders;
mod greeting;
mod keys;
mod place;
mod port;
mod sessions;
mod watch;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use bundle::{BundleError, LoadError};
use node::{
    AdminListener, BindingKinds, CertificateFiles, Config, DeployError, Development, EventParts,
    Events, Inspector, InspectorListener, MapStack, Neighbours, Node, Observer, Runtime,
    SessionListener, Sources, StartError, Tails, WorkerConfig,
};

use crate::args::DevArgs;
use crate::failure::{self, BadArgument};
use crate::project;
use crate::running::{self, Base};
use crate::terminal::{Clock, DIM, ERROR, Lines, mode};

use self::awaited::Awaited;
use self::builds::Builds;
use self::certificates::Local;
use self::folders::{Folders, is_written_by_hand, project_folder};
use self::greeting::Around;
use self::place::Place;
use self::sessions::{Announced, Sessions};

pub(crate) fn run(args: &DevArgs) -> anyhow::Result<ExitCode> {
    let lines = Arc::new(Lines::new(Clock::of_here())?);
    let workers = workers(args)?;
    let place = Place::of(args, &workers);
    let port = port::choose(place.host, place.port)?;
    let address = SocketAddr::new(place.host, port.number);
    // That lowers the priority of the threads that are there already. The one that notices changes has
    // to keep up with the commands that make them.
    Runtime::initialise();
    let mut folders = Folders::new(&args.data)?;
    let mut builds = Builds::of(&workers, &lines);
    builds.begin(&mut folders)?;
    let mut config = Config::dev(address, args.data.clone(), workers);
    config.allowed_hosts = args.names();
    config.debuggable = args.inspect.is_some();
    let sessions = Arc::new(Sessions::of_this_user());
    config.development = Development {
        crons: args.crons,
        test_scheduled: args.test_scheduled,
        neighbours: Some(Arc::clone(&sessions) as Arc<dyn Neighbours>),
    };
    let local = secure(args, &place, &mut config)?;
    let mut settings = config.runtime();
    // A reload is a new version each time: its code cache is not worth a file.
    settings.cache_dir = None;
    settings.live_clocks = true;
    let inspector = args.inspect.map(|_| Arc::new(Inspector::default()));
    if let Some(inspector) = &inspector {
        settings.inspect = Some(inspector.listener());
        // One that is at a breakpoint keeps its shard.
        settings.back_shards = settings.back_shards.max(2 * config.workers.len());
    }
    let tails = Arc::new(Tails::new());
    let observers = vec![lines.clone() as Arc<dyn Observer>, tails.clone()];
    let Base { runtime, bindings, queues, admin } = Base::start(settings, &config, observers)?;
    let node = start(&config, (&runtime, &bindings), &lines, &mut builds, &mut folders)?;
    lines.map_stacks(Arc::clone(node.deployments()) as Arc<dyn MapStack>);
    lines.name_workers(config.workers.len() > 1);
    // Before the address is known to anybody, who may then change a file at once.
    let around = Around { deployments: Arc::clone(node.deployments()), sessions };
    let watch = watch::Watch::start(&around, &runtime, &lines, builds, folders)?;
    let (listener, announced) = announce(&around, &lines).unzip();
    for worker in node.deployments().workers() {
        runtime.warm(worker.version());
    }
    let parts = EventParts { tails, queues: queues.get(), marks: None, log: lines.clone() };
    let happening = Events::new(&config, node.deployments(), parts);
    let admin = admin.of_node(&node, &config).with_events(&happening);
    let admin = AdminListener::start(&config, admin)?;
    let debuggers = match (args.inspect, inspector) {
        (Some(address), Some(inspector)) => {
            for worker in node.deployments().workers() {
                inspector.expect(worker.name());
            }
            let sources = Arc::clone(node.deployments()) as Arc<dyn Sources>;
            Some(InspectorListener::start(address, inspector, sources)?.address())
        }
        _ => None,
    };
    let with_keys = !args.no_keys && mode::is_for_keys();
    let kept = (admin, announced, Arc::clone(&happening));
    running::until_signal(&node, kept, || {
        // Before anybody is told where to ask.
        if let Err(error) = happening.start() {
            lines.warn(&format!("crons and queues are not served: {error}"));
        }
        let greeting = greeting::Greeting {
            args,
            host: place.host,
            node: &node,
            around: &around,
            local: local.as_ref(),
            debuggers,
            with_keys,
        };
        let url = greeting.print(&lines, port.taken);
        if let Err(error) = watch::try_all(node.deployments(), &lines) {
            lines.warn(&format!("the workers are not tried: {error}"));
        }
        if let Some(listener) = listener {
            let deployments = Arc::clone(node.deployments());
            tokio::spawn(async move { drop(listener.serve(deployments, queues).await) });
        }
        if with_keys {
            let deployments = Arc::clone(node.deployments());
            keys::listen(keys::Keys::new(Arc::clone(&lines), watch, url, deployments));
        }
    })
}

/// Listens to other sessions of this machine, and tells them of this one. A session that they do not find
/// is one all the same.
fn announce(around: &Around, lines: &Lines) -> Option<(SessionListener, Announced)> {
    let announced = SessionListener::bind().and_then(|listener| {
        let Around { deployments, sessions } = around;
        let announced = sessions.announce(listener.neighbour(), deployments)?;
        Ok((listener, announced))
    });
    let announced = announced.inspect_err(|error| {
        lines.warn(&format!("other sessions of isolane dev do not find this one: {error}"));
    });
    announced.ok()
}

/// Sets up TLS where it was asked for; with the local authority that was made for it.
fn secure(args: &DevArgs, place: &Place, config: &mut Config) -> anyhow::Result<Option<Local>> {
    let (files, local) = match (&args.cert, &args.key) {
        (Some(cert), Some(key)) => {
            (CertificateFiles { cert: cert.clone(), key: key.clone() }, None)
        }
        _ if place.https => {
            let names = names(&config.workers);
            let local = certificates::make(&args.data.join("tls"), place.host, &names)?;
            (local.files.clone(), Some(local))
        }
        _ => return Ok(None),
    };
    config.certificates = vec![files];
    for listen in &mut config.listen {
        listen.tls = true;
    }
    Ok(local)
}

/// The workers that the arguments name.
fn workers(args: &DevArgs) -> anyhow::Result<Vec<WorkerConfig>> {
    if let Some(config) = args.config.iter().find(|config| Config::recognises(config)) {
        let config = config.display();
        let message = format!(
            "{config} is a node's configuration, and `isolane dev` serves projects: run it with \
             `isolane serve --config {config}`"
        );
        return Err(BadArgument(message).into());
    }
    project::all(&args.workers, &args.config, args.env.as_deref())
}

/// The names of the workers, as far as their configurations can be read. One that cannot has its
/// error told when it is loaded.
fn names(workers: &[WorkerConfig]) -> Vec<String> {
    let outlines = workers.iter().filter_map(|worker| project::outline(worker).ok());
    outlines.map(|outline| outline.name).collect()
}

/// Starts the node. Where a worker's code cannot be loaded, the error is shown and the files are
/// waited for: whoever starts this is about to change them.
fn start(
    config: &Config,
    (runtime, bindings): (&Runtime, &BindingKinds),
    lines: &Arc<Lines>,
    builds: &mut Builds,
    folders: &mut Folders,
) -> anyhow::Result<Arc<Node>> {
    let projects = config.workers.iter().filter_map(|worker| project_folder(&worker.path));
    let projects: Vec<PathBuf> = projects.collect();
    loop {
        let error = match running::start(config, runtime, bindings, lines.clone()) {
            Ok(node) => return Ok(node),
            Err(error) => error,
        };
        let Some(awaited) = what_mends(&error) else { return Err(error) };
        if watch_all(config, &awaited, builds, folders) {
            // Once more, for what has changed before it was watched.
            continue;
        }
        let shown = failure::explain(&error);
        lines.complain(&format!("{ERROR}error{ERROR:#}: {shown}"));
        loop {
            lines.complain(&format!("{DIM}waiting for a change{DIM:#}"));
            let mut change = folders.changed(|path, structural| {
                builds.concern(path)
                    || awaited.concerns(path, structural)
                    || projects.iter().any(|project| is_written_by_hand(project, path))
            });
            watch_all(config, &awaited, builds, folders);
            let mut each = 0..config.workers.len();
            let built = each.try_for_each(|index| {
                builds.run_after(index, &mut change, folders).map(|_has_run| ())
            });
            match built {
                Ok(()) => break,
                Err(error) => {
                    let shown = failure::explain(&error);
                    lines.complain(&format!("{ERROR}error{ERROR:#}: {shown}"));
                }
            }
        }
    }
}

/// What may mend an error, if it is one in a worker's code.
fn what_mends(error: &anyhow::Error) -> Option<Awaited> {
    let StartError::Deploy(error) = error.downcast_ref()? else { return None };
    let in_code =
        matches!(error, DeployError::Bundle(LoadError { error: BundleError::Source(_), .. }));
    in_code.then(|| Awaited::of(error))
}

/// Watches the projects, what one of them waits for, and what the commands read that make their
/// modules. Answers whether there were new folders.
fn watch_all(config: &Config, awaited: &Awaited, builds: &Builds, folders: &mut Folders) -> bool {
    let mut is_new = builds.watch(folders) | awaited.watch(folders);
    for worker in &config.workers {
        is_new |= folders.watch_project(&worker.path);
    }
    is_new
}
