//! What a stub is to the worker that has it.

use compatibility::{Compatibility, Flag};
use libtest_mimic::Trial;

use crate::dispatcher::{Fake, ok};
use crate::isolate::trial;
use crate::{worker, worker_with};

async fn a_stub_has_a_name_and_cannot_be_made_nor_cloned() {
    let fake = Fake::new(|_| async { Ok(ok("")) });
    let handler = "
        const said = [Object.prototype.toString.call(env.S), env.S.constructor.name, Object.keys(env.S).length];
        const attempt = (call) => {
            try {
                return `no error ${call()}`;
            } catch (error) {
                return `${error.name}: ${error.message}`;
            }
        };
        said.push(attempt(() => new env.S.constructor()));
        said.push(await failure((async () => (0, env.S.fetch).call({}, 'http://x/'))()));
        said.push(attempt(() => structuredClone(env.S)).slice(0, 14));
        said.push(attempt(() => structuredClone({ deep: [env.S] })).slice(0, 14));
        return said.join('\\n');";
    assert_eq!(
        worker(&fake, handler).get().await,
        "[object Fetcher]\nFetcher\n0\nTypeError: Illegal constructor\nTypeError: Illegal invocation\n\
         DataCloneError\nDataCloneError"
    );
}

/// Reads the property of a stub.
const METHOD: &str = "
    try {
        return String(env.S.greet);
    } catch (error) {
        return `${error.name}: ${error.message}`;
    }";

async fn every_name_is_that_of_a_method_but_for_old_workers() {
    let fake = Fake::new(|_| async { Ok(ok("")) });
    assert_eq!(worker(&fake, METHOD).get().await, "[object RpcProperty]");
    let old = Compatibility::default().with(Flag::Rpc, false);
    assert_eq!(worker_with(&fake, old, METHOD).get().await, "undefined");
}

async fn a_stub_is_an_object_like_any_other() {
    let fake = Fake::new(|_| async { Ok(ok("fetched")) });
    let handler = "
        const said = [await env.S === env.S, 'greet' in env.S, 'then' in env.S, `${env.S}`];
        said.push(env.S.hasOwnProperty('fetch'), env.S instanceof Object);
        env.S.mine = () => 'mine';
        said.push(env.S.mine(), await (await env.S.fetch('http://x/')).text());
        try {
            env.S.connect('host:1');
        } catch (error) {
            said.push(error.message);
        }
        return said.join('\\n');";
    assert_eq!(
        worker(&fake, handler).get().await,
        "true\ntrue\nfalse\n[object Fetcher]\nfalse\ntrue\nmine\nfetched\n\
         env.S.connect() is not supported yet: use env.S.fetch()"
    );
}

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "a_stub_has_a_name_and_cannot_be_made_nor_cloned",
            a_stub_has_a_name_and_cannot_be_made_nor_cloned,
        ),
        trial(
            "every_name_is_that_of_a_method_but_for_old_workers",
            every_name_is_that_of_a_method_but_for_old_workers,
        ),
        trial("a_stub_is_an_object_like_any_other", a_stub_is_an_object_like_any_other),
    ]
}
