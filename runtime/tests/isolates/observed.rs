//! What observers learn of events, and what becomes of those that nobody waits for as a client does.

use isolane_runtime::{Detail, Failure, Kind, Outcome, Scheduled, Trigger};
use libtest_mimic::Trial;

use crate::support::{Builder, Worker, trial};

pub fn trials() -> Vec<Trial> {
    vec![
        trial("observed::a_line_has_the_number_of_its_event", || async {
            let worker = Worker::from_source(
                "console.log('at the top');
                 export default { async fetch() {
                     await 1;
                     console.log('inside');
                     return new Response('a');
                 } };",
            )
            .build();
            worker.get("/").await.unwrap();
            let report = worker.report(|_| true).await;
            assert_eq!(worker.line_of("inside").await.0, Some(report.event));
            assert_eq!(worker.line_of("at the top").await.0, None);
            assert_eq!((report.kind, report.entrypoint), (Kind::Fetch, None));
            assert!(report.detail.is_none(), "nobody wants traces");
        }),
        trial("observed::a_trace_has_the_request_and_the_status", || async {
            let worker = Worker::with_handler("return new Response(null, { status: 204 })").build();
            worker.trace();
            worker.get("/a?b=c").await.unwrap();
            let report = worker.report(|report| report.is_traced).await;
            let Some(Detail::Fetch(fetch)) = report.detail.as_deref() else {
                panic!("there is no trace")
            };
            assert_eq!((fetch.url.as_str(), fetch.status), ("http://worker.test/a?b=c", Some(204)));
        }),
        trial("observed::a_worker_is_told_that_its_waiting_was_cut_off", || async {
            let worker = Worker::with_handler(
                "ctx.waitUntil(new Promise((resolve) => setTimeout(resolve, 3600_000)));
                 return new Response('a')",
            )
            .build();
            worker.get("/").await.unwrap();
            let (event, ..) = worker.line_of("waitUntil() tasks did not complete").await;
            let report = worker.report(|_| true).await;
            assert_eq!((report.outcome, Some(report.event)), (Outcome::ExceededWallTime, event));
        }),
        trial("observed::an_event_without_a_client_ends_when_its_time_is_over", || async {
            let body = "await new Promise((resolve) => setTimeout(resolve, 3600_000))";
            let worker = scheduled(body).build();
            let ended = worker.run(cron()).await.unwrap();
            assert_eq!(ended.outcome, Outcome::ExceededWallTime);
            let report = worker.report(|_| true).await;
            assert_eq!((report.kind, report.outcome), (Kind::Scheduled, ended.outcome));
            let Some(Detail::Scheduled { cron, .. }) = report.detail.as_deref() else {
                panic!("it is not known what it was")
            };
            assert_eq!(&**cron, "0 0 * * *");
        }),
        trial("observed::an_event_that_can_never_end_says_so", || async {
            let worker = scheduled("await new Promise(() => {})").build();
            let ended = worker.run(cron()).await.unwrap();
            assert_eq!(ended.outcome, Outcome::Exception);
            let message = ended.exception.unwrap().message;
            assert!(message.contains("never settles"), "{message}");
        }),
        trial("observed::an_event_without_a_client_has_limits", || async {
            let endless = scheduled("for (;;);").with_cpu_ms(100).build();
            assert_eq!(endless.run(cron()).await.unwrap().outcome, Outcome::ExceededCpu);
            let report = endless.report(|_| true).await;
            assert_eq!(report.cpu_limit.as_millis(), 100);
            let body = "for (const kept = [];;) kept.push(new ArrayBuffer(16 << 20))";
            let hoarder = scheduled(body).build();
            assert_eq!(hoarder.run(cron()).await.unwrap().outcome, Outcome::ExceededMemory);
        }),
        trial("observed::an_event_that_never_ran_has_failed", || async {
            let broken = Worker::from_source("throw new Error('no')").build();
            let failed = broken.run(cron()).await;
            assert!(matches!(failed, Err(Failure::CannotStart { .. })), "{failed:?}");
        }),
    ]
}

/// A worker with this as the body of its `scheduled(controller, env, ctx)`.
fn scheduled(body: &str) -> Builder {
    Worker::from_source(&format!(
        "export default {{ async scheduled(controller, env, ctx) {{ {body} }} }};"
    ))
}

fn cron() -> Trigger {
    Trigger::Scheduled(Scheduled { cron: "0 0 * * *".into(), scheduled_time_ms: 0 })
}
