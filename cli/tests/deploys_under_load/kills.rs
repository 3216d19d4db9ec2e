//! The node is killed while a version is uploaded and made active. When it runs again, the worker
//! answers: with the new version if that was acknowledged, else with the new or the old one.

use std::time::{Duration, Instant};

use bundle::Project;
use hyper::Method;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use crate::client::ask;
use crate::node::{Folder, Node, WORKER};
use crate::visitor::Visitor;

const KILLS: u32 = 40;
/// Kills are spread over the time that a deploy takes and a little more: some come after it.
const BEYOND: f64 = 1.3;
/// The golden ratio: its multiples are early, late and middle moments in turn, no two the same.
const GOLDEN: f64 = 0.618_034;

/// A version as a deploy uploads it.
struct Upload {
    id: String,
    archive: Vec<u8>,
}

#[test]
fn a_node_that_is_killed_in_a_deploy_serves_the_old_version_or_the_new_one() {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime for the requests");
    let folder = Folder::new();
    let mut node = folder.start();
    let mut last = 1;
    runtime.block_on(deploy(node.admin_port, upload(&folder, 0))).expect("the first deploy");
    let next = upload(&folder, last);
    // On a node that has just started, as those that are killed.
    node.kill();
    node = folder.start();
    let began = Instant::now();
    runtime.block_on(deploy(node.admin_port, next)).expect("the second deploy");
    let mut takes = began.elapsed();
    let mut active = last;

    let mut acknowledged_changes = 0;
    for kill in 0..KILLS {
        last += 1;
        let next = upload(&folder, last);
        let moment = takes.mul_f64((f64::from(kill) * GOLDEN).fract() * BEYOND);
        let is_acknowledged = deploy_and_kill(&runtime, node, next, moment);
        acknowledged_changes += u32::from(is_acknowledged);
        if !is_acknowledged && moment > takes {
            // It takes longer by now: other tests want the machine, too.
            takes = moment;
        }
        node = folder.start();
        let found = runtime.block_on(async { Visitor::at(node.port).await?.version(2).await });
        let found = found.unwrap_or_else(|problem| {
            panic!("after kill {kill} at {moment:?} of {takes:?}: {problem}")
        });
        let expected = if is_acknowledged { vec![last] } else { vec![active, last] };
        assert!(expected.contains(&found), "after kill {kill}: {found}, expected {expected:?}");
        active = found;
    }
    // The moments were well spread: some deploys were over by then, and some were not.
    let unfinished = KILLS - acknowledged_changes;
    assert!(acknowledged_changes > 0 && unfinished > 0, "{acknowledged_changes} of {KILLS}");
    // The node is as good as before.
    last += 1;
    runtime.block_on(deploy(node.admin_port, upload(&folder, last))).expect("the last deploy");
    let found = runtime.block_on(async { Visitor::at(node.port).await?.version(2).await });
    assert_eq!(found, Ok(last));
}

/// Bundles a version of the worker.
fn upload(folder: &Folder, version: usize) -> Upload {
    folder.write_version(version);
    let project = Project::open(&folder.project()).expect("the project is one");
    let bundle = project.load().expect("the project can be bundled");
    Upload { id: bundle.id().as_str().to_owned(), archive: bundle.to_archive() }
}

/// Uploads a version and makes it active; a success is the acknowledgement.
async fn deploy(admin_port: u16, upload: Upload) -> Result<(), String> {
    let host = format!("127.0.0.1:{admin_port}");
    let worker = format!("/v1/workers/{WORKER}");
    let active = format!("{{\"version\":\"{}\"}}", upload.id).into_bytes();
    let steps = [
        (format!("{worker}/versions/{}", upload.id), "application/gzip", upload.archive),
        (format!("{worker}/active"), "application/json", active),
    ];
    for (path, content, body) in steps {
        let headers = [("content-type".to_owned(), content.to_owned())];
        let answer = ask(admin_port, &host, &Method::PUT, &path, &headers, Some(body)).await?;
        if !answer.status.is_success() {
            let body = String::from_utf8_lossy(&answer.body);
            return Err(format!("PUT {path}: {} {body}", answer.status));
        }
    }
    Ok(())
}

/// Deploys, and kills the node at that moment; gives whether the deploy was acknowledged.
fn deploy_and_kill(runtime: &Runtime, node: Node, upload: Upload, moment: Duration) -> bool {
    let mut deploy = runtime.spawn(deploy(node.admin_port, upload));
    let done = runtime.block_on(async { timeout(moment, &mut deploy).await });
    node.kill();
    match done {
        Ok(result) => {
            result.expect("the deploy does not panic").expect("nothing hinders the deploy");
            true
        }
        // Its answer may have been on the way.
        Err(_) => runtime.block_on(deploy).expect("the deploy does not panic").is_ok(),
    }
}
