//! Deploys and rollbacks one after another while visitors come all the time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::node::{Folder, WORKER};
use crate::visitor::Visitor;

const DEPLOYS: usize = 100;
/// After so many deploys comes a rollback.
const DEPLOYS_PER_ROLLBACK: usize = 5;

/// A kind of visitor, and how many there are of it.
struct Kind {
    count: usize,
    /// In each answer; one takes about 5 ms.
    chunks: usize,
    /// Whether each request has a connection of its own.
    reconnects: bool,
}

/// Short answers, answers that outlast several deploys, and fresh connections.
const KINDS: [Kind; 3] = [
    Kind { count: 4, chunks: 4, reconnects: false },
    Kind { count: 2, chunks: 100, reconnects: false },
    Kind { count: 2, chunks: 3, reconnects: true },
];

/// Which version is active after which change, and how far the changes are.
struct Plan {
    versions: Vec<usize>,
    /// The last change that was begun.
    begun: AtomicUsize,
    /// The last change that was acknowledged.
    acknowledged: AtomicUsize,
    is_over: AtomicBool,
}

impl Plan {
    /// Every change, from the first deploy on.
    fn new() -> Self {
        let mut versions = vec![0];
        for version in 1..=DEPLOYS {
            let before = versions.last().copied().unwrap_or_default();
            versions.push(version);
            if version % DEPLOYS_PER_ROLLBACK == 0 {
                versions.push(before);
            }
        }
        let (begun, acknowledged) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { versions, begun, acknowledged, is_over: AtomicBool::new(false) }
    }

    fn is_rollback(&self, change: usize) -> bool {
        self.versions[change] < self.versions[change - 1]
    }
}

#[test]
fn no_request_is_lost_and_none_is_answered_by_two_versions() {
    let folder = Folder::new();
    let node = folder.start();
    let plan = Arc::new(Plan::new());
    folder.write_version(0);
    folder.isolane(&["deploy", WORKER]);

    let visitors = thread::spawn({
        let (plan, port) = (Arc::clone(&plan), node.port);
        move || visit(&plan, port)
    });
    for change in 1..plan.versions.len() {
        if plan.is_over.load(Ordering::SeqCst) {
            break;
        }
        folder.write_version(plan.versions[change]);
        plan.begun.store(change, Ordering::SeqCst);
        if plan.is_rollback(change) {
            folder.isolane(&["rollback", WORKER, "--yes"]);
        } else {
            folder.isolane(&["deploy", WORKER]);
        }
        plan.acknowledged.store(change, Ordering::SeqCst);
    }
    plan.is_over.store(true, Ordering::SeqCst);
    let seen = visitors.join().expect("the visitors do not panic");
    let seen = seen.unwrap_or_else(|problem| panic!("{problem}"));
    let versions: BTreeSet<usize> = seen.iter().copied().collect();
    // A deploy takes longer than a short answer: there are visitors for most versions.
    assert!(versions.len() > DEPLOYS / 2, "{} versions were seen", versions.len());
    assert!(seen.len() > plan.versions.len(), "there were {} answers", seen.len());
    node.kill();
}

/// Lets all visitors come until the plan is over, or one was answered wrongly; gives the versions
/// of all answers.
fn visit(plan: &Arc<Plan>, port: u16) -> Result<Vec<usize>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime for the visitors").block_on(async {
        let mut visitors = Vec::new();
        for kind in &KINDS {
            for _ in 0..kind.count {
                visitors.push(tokio::spawn(come(Arc::clone(plan), port, kind)));
            }
        }
        let mut seen = Vec::new();
        for visitor in visitors {
            seen.extend(visitor.await.expect("a visitor does not panic")?);
        }
        Ok(seen)
    })
}

async fn come(plan: Arc<Plan>, port: u16, kind: &Kind) -> Result<Vec<usize>, String> {
    let result = keep_coming(&plan, port, kind).await;
    // What is wrong ends the test at once.
    if result.is_err() {
        plan.is_over.store(true, Ordering::SeqCst);
    }
    result
}

async fn keep_coming(plan: &Plan, port: u16, kind: &Kind) -> Result<Vec<usize>, String> {
    let mut seen = Vec::new();
    let mut visitor = Visitor::at(port).await?;
    while !plan.is_over.load(Ordering::SeqCst) {
        if kind.reconnects {
            visitor = Visitor::at(port).await?;
        }
        // What is acknowledged holds for every request after it; what is not begun for none.
        let from = plan.acknowledged.load(Ordering::SeqCst);
        let version = visitor.version(kind.chunks).await?;
        let to = plan.begun.load(Ordering::SeqCst);
        if !plan.versions[from..=to].contains(&version) {
            let active = &plan.versions[from..=to];
            return Err(format!("answered by version {version} while {active:?} were active"));
        }
        seen.push(version);
    }
    Ok(seen)
}
