//! Clocks stand still while a worker's code runs, and go on when it waits for something.

use libtest_mimic::Trial;

use crate::support::{Worker, trial};

/// Every way to ask for the time, each as text.
const ASK: &str = "
    const kept = new Intl.DateTimeFormat('en', { fractionalSecondDigits: 3, minute: 'numeric' });
    const parts = { fractionalSecondDigits: 3, second: 'numeric' };
    const form = new FormData();
    const ask = () => {
        form.set('f', new Blob(['x']));
        performance.mark('m');
        return [
            Date.now(), new Date().getTime(), Date(), Reflect.construct(Date, []).toJSON(),
            new (class extends Date {})().valueOf(),
            performance.now(), performance.mark('n').startTime,
            kept.format(), kept.formatToParts().map((part) => part.value).join(),
            new Intl.DateTimeFormat('en', parts).format(undefined),
            new File([], 'x').lastModified, form.get('f').lastModified,
            new Event('x').timeStamp,
            process.hrtime().join(), String(process.hrtime.bigint()), process.uptime(),
            typeof Temporal === 'undefined' ? 0 : [
                Temporal.Now.instant(), Temporal.Now.plainDateTimeISO(), Temporal.Now.plainTimeISO(),
                Temporal.Now.plainDateISO(), Temporal.Now.zonedDateTimeISO('UTC'),
            ].join(),
        ].map(String);
    };
    const spin = () => { let x = 0; for (let i = 0; i < 3e7; i++) x += Math.sqrt(i); return x };";

const DATES: &[(&str, &str)] = &[
    ("new Date(5).getTime()", "5"),
    ("new Date('2026-01-02').toISOString()", "2026-01-02T00:00:00.000Z"),
    ("new Date(2026, 0).getFullYear() + ' ' + new Date(new Date(7)).getTime()", "2026 7"),
    ("new Date(undefined).getTime()", "NaN"),
    ("new Date(NaN) instanceof Date && Date.prototype.constructor === Date", "true"),
    ("Date.length + Date.name + Date.now.name + Date.now.length", "7Datenow0"),
    ("Date.UTC(1970, 0, 1, 0, 0, 1) + Date.parse('1970-01-01T00:00:01Z')", "2000"),
    ("typeof Date() + typeof Date(5)", "stringstring"),
    ("Object.getOwnPropertyNames(Date).sort().join()", "UTC,length,name,now,parse,prototype"),
    (
        "Object.keys(Object.getOwnPropertyDescriptor(globalThis, 'Date')).join()",
        "value,writable,enumerable,configurable",
    ),
    ("Object.getOwnPropertyDescriptor(globalThis, 'Date').enumerable", "false"),
    ("Object.prototype.toString.call(new Date())", "[object Date]"),
    (
        "class D extends Date { x() { return 1 } }; new D(3).x() + new D(3).getTime() + (new D() instanceof D)",
        "5",
    ),
    ("Reflect.construct(Date, [3], Array) instanceof Array", "true"),
    ("new Intl.DateTimeFormat('en', { timeZone: 'UTC' }).format(0)", "1/1/1970"),
    ("const f = new Intl.DateTimeFormat('en'); f.format === f.format && f.format.length", "1"),
    (
        "[5, 6].map(new Intl.DateTimeFormat('en', { timeZone: 'UTC' }).format).join()",
        "1/1/1970,1/1/1970",
    ),
    ("Math.abs(performance.timeOrigin + performance.now() - Date.now()) < 1000", "true"),
    ("structuredClone(new Date(9)).getTime()", "9"),
    (
        "Object.getOwnPropertyNames(Temporal).sort().join()",
        "Duration,Instant,Now,PlainDate,PlainDateTime,PlainMonthDay,PlainTime,PlainYearMonth,ZonedDateTime",
    ),
    (
        "Object.getOwnPropertyNames(Temporal.Now).sort().join()",
        "instant,plainDateISO,plainDateTimeISO,plainTimeISO,timeZoneId,zonedDateTimeISO",
    ),
    ("String(Temporal) + Temporal.Now", "[object Temporal][object Temporal.Now]"),
    (
        "JSON.stringify({ ...Object.getOwnPropertyDescriptor(globalThis, 'Temporal'), value: 0 })",
        r#"{"value":0,"writable":true,"enumerable":false,"configurable":true}"#,
    ),
    ("new Date(5).toTemporalInstant() instanceof Temporal.Instant", "true"),
    (
        "const { toTemporalInstant: f } = Date.prototype; f + f.name + f.length",
        "function toTemporalInstant() { [native code] }toTemporalInstant0",
    ),
    (
        "JSON.stringify({ ...Object.getOwnPropertyDescriptor(Date.prototype, 'toTemporalInstant'), value: 0 })",
        r#"{"value":0,"writable":true,"enumerable":false,"configurable":true}"#,
    ),
    (
        "const f = Date.prototype.toTemporalInstant; f === Date.prototype.toTemporalInstant && f.call(new Date(5)).epochMilliseconds",
        "5",
    ),
    (
        "delete Date.prototype.toTemporalInstant; Temporal.Instant.fromEpochMilliseconds(5).epochMilliseconds",
        "5",
    ),
    ("Temporal.Now.timeZoneId() === new Intl.DateTimeFormat().resolvedOptions().timeZone", "true"),
    ("Temporal.PlainDate.from('2026-01-02').add({ days: 1 }).toString()", "2026-01-03"),
    ("globalThis.Temporal = 5; delete globalThis.Temporal; typeof Temporal", "undefined"),
];

async fn clocks_stand_still() {
    let worker = Worker::with_handler(&format!(
        "{ASK}
         const first = ask();
         spin();
         await 1;
         spin();
         const second = ask();
         return new Response(JSON.stringify(first.filter((value, i) => value !== second[i])))"
    ))
    .with_node_compat();
    assert_eq!(worker.get("/").await.unwrap().text(), "[]");
}

async fn clocks_go_on_when_something_is_awaited() {
    let worker = Worker::with_handler(&format!(
        "{ASK}
         const first = ask();
         await scheduler.wait(1100);
         const second = ask();
         const still = first.map((value, i) => value === second[i] ? i : -1).filter((i) => i >= 0);
         const waited = [second[0] - first[0], second[5] - first[5]];
         return new Response(still.join() + ' ' + waited.every((ms) => ms >= 1090 && ms < 60_000))"
    ))
    .with_node_compat();
    // The time stamp of an event is always 0 here.
    assert_eq!(worker.get("/").await.unwrap().text(), "12 true");
}

async fn an_event_has_the_time_of_its_arrival() {
    let worker = Worker::with_handler("return new Response(String(Date.now()))").build();
    let real = || {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.unwrap().as_millis() as u64
    };
    for _ in 0..3 {
        let before = real();
        let said: u64 = worker.get("/").await.unwrap().text().parse().unwrap();
        assert!((before..=real()).contains(&said), "{before} <= {said}");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

async fn dates_are_dates() {
    for (expression, expected) in DATES {
        let (setup, last) = expression.rsplit_once("; ").unwrap_or(("", expression));
        let body = format!("{setup}; return new Response(String({last}))");
        let reply = Worker::with_handler(&body).get("/").await.unwrap();
        assert_eq!(reply.text(), *expected, "{expression}");
    }
}

pub fn trials() -> Vec<Trial> {
    vec![
        trial("clocks::stand_still_while_code_runs", clocks_stand_still),
        trial("clocks::go_on_when_something_is_awaited", clocks_go_on_when_something_is_awaited),
        trial("clocks::an_event_has_the_time_of_its_arrival", an_event_has_the_time_of_its_arrival),
        trial("clocks::dates_are_dates", dates_are_dates),
    ]
}
