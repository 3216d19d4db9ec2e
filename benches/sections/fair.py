"""Ten quiet workers while one, six and forty others take what they can get, by kind."""

import time

from harness import client, hogs, tenants
from harness.figures import distribution, progress, show_spread, spread, table
from harness.node import Node, Worker, handler

QUIET = 10
# Of all the quiet workers together: each is asked rarely.
RATE_PER_S = 100
COUNTS = (1, 6, 40)
KINDS = ("loop", "slices", "builtin", "memory", "flood")
# Clients of each hog: many where there is one.
_CLIENTS = {1: 8, 6: 4, 40: 1}
_CPU_MS = 30_000
_SETTLE_S = 2.0
# The short form: what a loaded machine cannot change.
_SHORT = (("loop", 1), ("loop", 6), ("slices", 6))
_SHORT_REQUESTS = 200


def run(options):
    """Measures each kind and count beside idle; with `--short` only counts answers."""
    cases = _SHORT if options.short else [(kind, count) for kind in KINDS for count in COUNTS]
    seconds = _SHORT_REQUESTS / RATE_PER_S if options.short or options.quick else 10
    rounds = 1 if options.short else options.rounds
    measured = {case: [] for case in cases}
    for number in range(rounds):
        for case in cases:
            # A node of its own: what one kind leaves behind is not the next one's.
            measured[case].append(_measure(options.isolane, *case, seconds))
            rest, busy = measured[case][-1]
            progress(
                f"fair: round {number + 1} of {rounds}: {case[1]} {case[0]}: "
                f"p99 {_p99_ms(busy):.2f} ms, idle {_p99_ms(rest):.2f} ms, "
                f"{len(busy['failures'])} failed"
            )
    results = _report(measured)
    failed = [text for pairs in measured.values() for _, busy in pairs for text in busy["failures"]]
    if failed:
        raise client.Wrong(f"{len(failed)} requests of quiet workers failed, one with {failed[0]!r}")
    return results


def _measure(isolane, kind, count, seconds):
    quiet = [
        Worker(f"quiet-{number}", 'export default { fetch() { return new Response("good"); } }')
        for number in range(QUIET)
    ]
    limits = {} if kind in ("memory", "flood") else {"cpu_ms": _CPU_MS}
    burning = [Worker(f"hog-{number}", handler("hog.js"), limits) for number in range(count)]
    hosts = [worker.host for worker in quiet]
    with Node(isolane, quiet + burning) as node:
        tenants.measure(node.port, hosts, RATE_PER_S, 3)
        rest = tenants.measure(node.port, hosts, RATE_PER_S, seconds)
        process = hogs.start(
            node.port,
            [worker.host for worker in burning],
            f"/{kind}",
            _CLIENTS[count],
            seconds + 3 * _SETTLE_S,
        )
        time.sleep(_SETTLE_S)
        busy = tenants.measure(node.port, hosts, RATE_PER_S, seconds)
        if not node.is_alive:
            raise client.Wrong(f"the node ended beside {count} {kind}")
        process.kill()
        process.wait()
    return rest, busy


def _p99_ms(measured):
    return distribution(measured["latencies_s"])["p99"] * 1e3 if measured["latencies_s"] else 0.0


def _report(measured):
    results, rows = {"rate_per_s": RATE_PER_S}, []
    for (kind, count), pairs in measured.items():
        pooled = [latency * 1e3 for _, busy in pairs for latency in busy["latencies_s"]]
        idle = [latency * 1e3 for rest, _ in pairs for latency in rest["latencies_s"]]
        figures, at_rest = distribution(pooled, unit="_ms"), distribution(idle, unit="_ms")
        ratio = spread([_p99_ms(busy) / _p99_ms(rest) for rest, busy in pairs])
        failures = sum(len(busy["failures"]) for _, busy in pairs)
        results[f"{kind}_{count}"] = {
            **figures, "idle": at_rest, "failures": failures, "p99_over_idle": ratio
        }
        cells = [f"{figures[key]:.2f}" for key in ("p50_ms", "p99_ms", "max_ms")]
        idle_cells = [f"{at_rest[key]:.2f}" for key in ("p50_ms", "p99_ms")]
        rows.append([f"{count} {kind}", *idle_cells, *cells, failures, show_spread(ratio, 2)])
    header = ["hogs", "idle p50 ms", "p99", "beside p50 ms", "p99", "max", "failed", "p99 / idle p99"]
    table(f"{QUIET} quiet workers, open loop at {RATE_PER_S} requests/s in all", header, rows)
    return results
