//! What the other worker gets, and what comes of it: heads, errors, redirects, limits.

use isolane_bindings::dispatch::{CallError, Reply, Upgrade};
use isolane_bindings::event::{CallContext, Thrown};
use isolane_bindings::hops::{Hops, MAX_HOPS};
use libtest_mimic::Trial;
use tokio::sync::oneshot;

use crate::dispatcher::{Fake, ok, redirect};
use crate::isolate::{SUBREQUESTS, get, trial};
use crate::{worker, worker_with};

async fn a_request_arrives_as_it_was_made_and_so_does_the_response() {
    let fake = Fake::new(|call| async move {
        let head = format!(
            "{} {} {} [{}] [{}] {:?}",
            call.fetch.head.method,
            call.fetch.head.uri,
            call.header("x-mine"),
            call.header("accept"),
            call.header("content-length"),
            call.fetch.client.as_ref().map(|client| client.cf(&call.fetch.head)),
        );
        let mut response = ok(format!("{head} {}", call.text().await));
        *response.status_mut() = http::StatusCode::IM_A_TEAPOT;
        response.headers_mut().insert("x-theirs", "t".parse().unwrap());
        Ok(response)
    });
    let handler = "
        const init = { method: 'POST', body: 'a body', headers: { 'x-mine': 'm' }, cf: { a: 1 } };
        const response = await env.S.fetch('https://any.host:8443/p?q#f', init);
        const { status, headers, redirected, url } = response;
        return [status, headers.get('x-theirs'), redirected, url, await response.text()].join('\\n');";
    let seen = worker(&fake, handler).get().await;
    assert_eq!(
        seen,
        "418\nt\nfalse\nhttps://any.host:8443/p?q\n\
         POST https://any.host:8443/p?q m [] [6] Some(\"{\\\"a\\\":1}\") a body"
    );
}

async fn whom_a_call_is_for_and_who_calls_are_said() {
    let fake = Fake::new(|call| async move {
        let context = &call.context;
        let said = format!(
            "{} {:?} {:?} {:?} {:?}",
            call.to.worker, call.to.entrypoint, context.entrypoint, context.props, context.caller
        );
        assert_eq!(context.hops, Hops::default().next());
        Ok(ok(said))
    });
    let handler = "
        const ask = async (service) => (await service.fetch('http://x/')).text();
        return [await ask(env.S), await ask(env.API)].join('\\n');";
    assert_eq!(
        worker(&fake, handler).get().await,
        "callee None None None Some(\"caller\")\n\
         callee Some(\"Api\") Some(\"Api\") Some(\"{\\\"tier\\\":1}\") Some(\"caller\")"
    );
}

async fn the_request_of_a_client_is_passed_on_with_what_is_known_of_it() {
    let fake = Fake::new(|call| async move {
        let cf = call.fetch.client.as_ref().map(|client| client.cf(&call.fetch.head));
        let (host, theirs) = (call.header("host").to_owned(), call.header("x-client").to_owned());
        Ok(ok(format!("{cf:?} {host} {theirs} {}", call.fetch.head.uri)))
    });
    let mut worker = worker(&fake, "return (await env.S.fetch(request)).text();");
    let mut fetch = get("http://caller.example/path");
    fetch.head.headers.insert("host", "caller.example".parse().unwrap());
    fetch.head.headers.insert("x-client", "c".parse().unwrap());
    fetch.head.headers.insert("connection", "close".parse().unwrap());
    let event = worker.begin(fetch, CallContext::default(), SUBREQUESTS);
    assert_eq!(
        worker.answer(&event).await,
        "Some(\"{}\") caller.example c http://caller.example/path"
    );
}

async fn what_the_other_worker_throws_arrives() {
    for (message, expected) in [
        ("TypeError: no such thing", "TypeError|no such thing|TypeError,true|true"),
        ("Error", "Error||Error,true|true"),
        ("MyError: odd", "Error|MyError: odd|Error,true|true"),
        ("a text", "Error|a text|Error,true|true"),
    ] {
        let fake = Fake::new(move |_| async move {
            let thrown = Thrown { message: message.to_owned(), stack: "at secret".to_owned() };
            Err(CallError::Threw(thrown))
        });
        let handler = "
            try {
                await env.S.fetch('http://x/');
            } catch (error) {
                const { name, message, stack } = error;
                const kind = [error.constructor.name, error instanceof Error];
                return [name, message, kind, error.remote].join('|') + (stack.includes('secret') ? stack : '');
            }";
        assert_eq!(worker(&fake, handler).get().await, expected);
    }
}

async fn a_worker_that_is_not_there_is_a_response_and_other_failures_are_errors() {
    let failures = [
        CallError::NoWorker { worker: "callee".into() },
        CallError::Failed { message: "The worker is overloaded.".to_owned() },
    ];
    for (error, expected) in failures.into_iter().zip([
        "503 Worker \"callee\" not found. Make sure it is running locally.",
        "Error: The worker is overloaded.",
    ]) {
        let fake = Fake::new(move |_| {
            let error = error.clone();
            async move { Err(error) }
        });
        let handler = "
            try {
                const response = await env.S.fetch('http://x/');
                return `${response.status} ${await response.text()}`;
            } catch (error) {
                return `${error.name}: ${error.message}`;
            }";
        assert_eq!(worker(&fake, handler).get().await, expected);
    }
}

async fn no_connection_is_upgraded_through_a_binding() {
    let fake = Fake::replying(|call| async move {
        assert_eq!((call.header("upgrade"), call.header("connection")), ("", ""));
        let (taker, _taken) = oneshot::channel();
        Ok(Reply::Upgrade(Upgrade::new(http::Response::new(()), taker)))
    });
    let handler = "
        const headers = { connection: 'upgrade', upgrade: 'websocket' };
        return env.S.fetch('http://x/', { headers }).then(() => 'a response', String);";
    assert_eq!(
        worker(&fake, handler).get().await,
        "Error: No connection is upgraded through a service binding."
    );
}

async fn calls_come_through_so_many_workers_and_no_more() {
    let fake = Fake::new(|_| async { Ok(ok("reached")) });
    let handler = "
        try {
            return await (await env.S.fetch('http://x/')).text();
        } catch (error) {
            return `${error.name}: ${error.message}`;
        }";
    let mut worker = worker(&fake, handler);
    let mut hops = Hops::default();
    for depth in 1..=MAX_HOPS {
        let context = CallContext { hops, ..CallContext::default() };
        let event = worker.begin(get("http://x/"), context, SUBREQUESTS);
        let seen = worker.answer(&event).await;
        if depth < MAX_HOPS {
            assert_eq!(seen, "reached", "{depth}");
        } else {
            assert!(seen.starts_with("Error: Subrequest depth limit exceeded. "), "{seen}");
        }
        worker.end(event);
        hops = hops.next();
    }
}

async fn each_call_is_a_subrequest_and_none_is_a_connection() {
    let fake = Fake::new(|_| async { Ok(ok("")) });
    let handler = "
        await Promise.all(Array.from({ length: 7 }, () => env.S.fetch('http://x/')));
        return failure(env.S.fetch('http://x/'));";
    let mut worker = worker(&fake, handler);
    let event = worker.begin(get("http://x/"), CallContext::default(), 7);
    assert_eq!(worker.answer(&event).await, "Error: Too many subrequests.");
    assert_eq!(fake.urls.lock().len(), 7);
}

async fn redirects_are_followed_by_the_callers_rules() {
    let fake = Fake::new(|call| async move {
        Ok(match call.fetch.head.uri.path() {
            "/first" => redirect("/second"),
            "/out" => redirect("http://127.0.0.1:9999/"),
            path => ok(format!("{} {path}", call.fetch.head.method)),
        })
    });
    let handler = "
        const ask = async (path, init) => {
            const response = await env.S.fetch(`http://x${path}`, init);
            return `${response.status} ${response.redirected} ${response.url} ${await response.text()}`;
        };
        return [
            await ask('/first', { method: 'POST', body: 'b' }),
            await ask('/first', { redirect: 'manual' }),
            await failure(ask('/first', { redirect: 'error' })),
            await failure(ask('/out')),
        ].join('\\n');";
    let seen = worker(&fake, handler).get().await;
    let lines: Vec<_> = seen.lines().collect();
    assert_eq!(lines[0], "200 true http://x/second GET /second");
    assert_eq!(lines[1], "302 false http://x/first ");
    assert!(lines[2].starts_with("TypeError: "), "{seen}");
    assert!(lines[3].contains("127.0.0.1:9999: address not allowed"), "{seen}");
    let urls = ["/first", "/second", "/first", "/first", "/out"].map(|it| format!("http://x{it}"));
    assert_eq!(*fake.urls.lock(), urls);
}

async fn what_is_no_request_is_refused() {
    let fake = Fake::new(|_| async { Ok(ok("")) });
    let handler = "
        const url = URL.createObjectURL === undefined ? 'blob:null/x' : URL.createObjectURL(new Blob(['b']));
        const all = ['/relative', 'data:,x', 'ftp://x/', url];
        return (await Promise.all(all.map((url) => failure(env.S.fetch(url))))).join('\\n');";
    let seen = worker(&fake, handler).get().await;
    assert_eq!(seen.lines().filter(|line| line.starts_with("TypeError: ")).count(), 4, "{seen}");
    assert!(fake.urls.lock().is_empty());
}

async fn there_may_be_nobody_who_calls() {
    let fake = Fake::new(|_| async { Ok(ok("")) });
    let compatibility = compatibility::Compatibility::default();
    // The event's code goes on when it is over: it calls nobody.
    let handler = "globalThis.late = () => failure(env.S.fetch('http://x/')); return 'kept';";
    let mut worker = worker_with(&fake, compatibility, handler);
    assert_eq!(worker.get().await, "kept");
    let seen = worker.run("late()").await;
    assert!(seen.contains("belongs to no event"), "{seen}");
    assert!(fake.urls.lock().is_empty());
}

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "a_request_arrives_as_it_was_made_and_so_does_the_response",
            a_request_arrives_as_it_was_made_and_so_does_the_response,
        ),
        trial(
            "whom_a_call_is_for_and_who_calls_are_said",
            whom_a_call_is_for_and_who_calls_are_said,
        ),
        trial(
            "the_request_of_a_client_is_passed_on_with_what_is_known_of_it",
            the_request_of_a_client_is_passed_on_with_what_is_known_of_it,
        ),
        trial(
            "no_connection_is_upgraded_through_a_binding",
            no_connection_is_upgraded_through_a_binding,
        ),
        trial("what_the_other_worker_throws_arrives", what_the_other_worker_throws_arrives),
        trial(
            "a_worker_that_is_not_there_is_a_response_and_other_failures_are_errors",
            a_worker_that_is_not_there_is_a_response_and_other_failures_are_errors,
        ),
        trial(
            "calls_come_through_so_many_workers_and_no_more",
            calls_come_through_so_many_workers_and_no_more,
        ),
        trial(
            "each_call_is_a_subrequest_and_none_is_a_connection",
            each_call_is_a_subrequest_and_none_is_a_connection,
        ),
        trial(
            "redirects_are_followed_by_the_callers_rules",
            redirects_are_followed_by_the_callers_rules,
        ),
        trial("what_is_no_request_is_refused", what_is_no_request_is_refused),
        trial("there_may_be_nobody_who_calls", there_may_be_nobody_who_calls),
    ]
}
