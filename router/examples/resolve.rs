//! Prints the time that a lookup takes among 100,000 routes, and that a change takes:
//! `cargo run --release -p isolane-router --example resolve`.

use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use isolane_router::{Host, Pattern, Table, TableBuilder};

const ROUTES: usize = 100_000;
const LOOKUPS: usize = 2_000_000;
/// Enough distinct requests that their hosts do not stay in the processor's caches.
const REQUESTS: usize = 1 << 16;

type Target = Arc<str>;

struct Request {
    authority: String,
    path: String,
}

fn main() -> Result<(), Box<dyn Error>> {
    let started = Instant::now();
    let table = mixed_table()?;
    println!("{} routes inserted and built in {:.1?}", table.len(), started.elapsed());

    let started = Instant::now();
    let mut builder = table.to_builder();
    builder.insert(Pattern::parse("new.example.net")?, "new".into())?;
    let table = builder.build();
    println!("one route added to a table in {:.1?}", started.elapsed());

    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut requests = |make: &dyn Fn(usize) -> (String, String)| -> Vec<Request> {
        let make = |_| {
            let (authority, path) = make(random.below(ROUTES));
            Request { authority, path }
        };
        (0..REQUESTS).map(make).collect()
    };

    println!("\nns per lookup, random requests");
    let exact = requests(&|n| (exact_host(n / 10 * 10), "/index.html".into()));
    report("exact host", &table, &exact)?;
    let wildcard = requests(&|n| (format!("www.{}", domain(n / 10 * 10 + 8)), "/".into()));
    report("wildcard host", &table, &wildcard)?;
    let path = requests(&|n| (exact_host(n / 10 * 10), format!("/app-{}/x", n % 4)));
    report("exact host with a path", &table, &path)?;
    let fallback = requests(&|n| (format!("a.b.c.unknown-{n}.net"), "/".into()));
    report("unknown host, fallback", &table, &fallback)?;
    let deep = requests(&|n| (format!("{}{}", "a.".repeat(100), exact_host(n)), "/".into()));
    report("103 labels", &table, &deep)?;

    for routes in [100, ROUTES] {
        let one_host = one_host_table(routes)?;
        let request = |n| ("example.com".into(), format!("/folder-{}/page.html", n % routes));
        report(&format!("{routes} paths of one host"), &one_host, &requests(&request))?;
    }

    println!("\nns per Host::parse");
    let parse =
        |name, authority| measure(name, || drop(black_box(Host::parse(black_box(authority)))));
    parse("plain", "customer-4711.apps.example.com");
    parse("plain with port", "customer-4711.apps.example.com:8080");
    parse("upper case", "Customer-4711.Apps.Example.com");
    parse("IPv4", "192.168.17.4:8080");
    parse("Unicode", "bücher.example.com");
    Ok(())
}

/// Of ten routes: six exact hosts, two exact hosts with a path prefix, two wildcards.
fn mixed_table() -> Result<Table<Target>, Box<dyn Error>> {
    let mut builder = TableBuilder::new();
    builder.insert(Pattern::parse("*")?, "fallback".into())?;
    for n in 0..ROUTES - 1 {
        let text = match n % 10 {
            6 | 7 => format!("{}/app-{}/*", exact_host(n / 10 * 10), n % 2),
            8 => format!("*.{}", domain(n)),
            9 => format!("*{}", domain(n)),
            _ => exact_host(n),
        };
        builder.insert(Pattern::parse(&text)?, format!("worker-{n}").into())?;
    }
    Ok(builder.build())
}

fn one_host_table(routes: usize) -> Result<Table<Target>, Box<dyn Error>> {
    let mut builder = TableBuilder::new();
    for n in 0..routes {
        let pattern = Pattern::parse(&format!("example.com/folder-{n}/*"))?;
        builder.insert(pattern, format!("worker-{n}").into())?;
    }
    Ok(builder.build())
}

fn exact_host(n: usize) -> String {
    format!("customer-{n}.apps.example.com")
}

fn domain(n: usize) -> String {
    format!("tenant-{n}.example.org")
}

fn report(name: &str, table: &Table<Target>, requests: &[Request]) -> Result<(), Box<dyn Error>> {
    let hosts = requests
        .iter()
        .map(|request| Host::parse(&request.authority))
        .collect::<Result<Vec<_>, _>>()?;
    let found = |at: &usize| {
        table.resolve(hosts.get(*at).map_or("", |host| host), &requests[*at].path).is_some()
    };
    let hits = (0..requests.len()).filter(found).count();
    let mut next = hosts.iter().zip(requests).cycle();
    let name = format!("{name} ({}% found)", 100 * hits / requests.len());
    measure(&name, || {
        if let Some((host, request)) = next.next() {
            black_box(table.resolve(host, &request.path));
        }
    });
    Ok(())
}

fn measure(name: &str, mut run: impl FnMut()) {
    let started = Instant::now();
    for _ in 0..LOOKUPS {
        run();
    }
    let ns = started.elapsed().as_secs_f64() * 1e9 / LOOKUPS as f64;
    println!("{name:42} {ns:7.1}");
}

/// Marsaglia's xorshift64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}
