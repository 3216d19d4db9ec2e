"""How far an event goes beyond its CPU limit: what it used by the node's log, less the limit."""

import threading
import time

from harness import client
from harness.figures import distribution, progress, table
from harness.node import Node, Worker, handler

CPU_LIMIT_MS = 50
_KINDS = ("loop", "allocate", "parse", "microtasks")
_LOG_TIMEOUT_S = 10.0


def run(options):
    """Spins in workers of each kind, one at a time and then all together."""
    per_kind = 10 if options.quick else 50
    workers = [
        Worker(kind, handler("burn.js"), limits={"cpu_ms": CPU_LIMIT_MS}) for kind in _KINDS
    ]
    results = {"cpu_limit_ms": CPU_LIMIT_MS}
    rows = []
    for way in ("alone", "together"):
        with Node(options.isolane, workers, log="warn") as node:
            progress(f"overrun: {per_kind} events of each kind, {way}")
            _spin(node, per_kind, way == "together")
            overruns = _overruns(node, per_kind)
        everything = [value for values in overruns.values() for value in values]
        results[way] = {}
        for kind, values in [*overruns.items(), ("all kinds", everything)]:
            figures = distribution(values, (0.5, 0.99), "_ms")
            results[way][kind] = figures
            cells = [f"{figures[key]:.3f}" for key in ("p50_ms", "p99_ms", "max_ms")]
            rows.append([f"{way}: {kind}", figures["n"], *cells])
    header = ["events", "n", "p50 ms", "p99 ms", "max ms"]
    table(f"CPU used beyond the limit of {CPU_LIMIT_MS} ms", header, rows)
    return results


def _spin(node, per_kind, together):
    wrong = []

    def spin(kind):
        try:
            with node.connect() as connection:
                for _ in range(per_kind):
                    answer = connection.get(f"{kind}.bench.test", f"/{kind}")
                    found = (answer.status, answer.headers.get("isolane-outcome"))
                    if found != (503, "exceededCpu"):
                        raise client.Wrong(f"{kind}: {found} {answer.body[:200]!r}")
        except (OSError, client.Wrong) as error:
            wrong.append(error)

    threads = [threading.Thread(target=spin, args=(kind,)) for kind in _KINDS]
    for thread in threads:
        thread.start()
        if not together:
            thread.join()
    for thread in threads:
        thread.join()
    if wrong:
        raise client.Wrong("; ".join(map(str, wrong)))


def _overruns(node, per_kind):
    """The overruns by kind, in milliseconds, once the log has all the events."""
    ends = time.monotonic() + _LOG_TIMEOUT_S
    while True:
        overruns = {kind: [] for kind in _KINDS}
        for line in node.log():
            if line.get("target") == "isolane::event" and line.get("outcome") == "exceededCpu":
                overruns[line["worker"]].append(line["cpu_ms"] - CPU_LIMIT_MS)
        if all(len(values) == per_kind for values in overruns.values()):
            return overruns
        if time.monotonic() > ends:
            counts = {kind: len(values) for kind, values in overruns.items()}
            raise client.Wrong(f"the log has {counts} events, expected {per_kind} of each")
        time.sleep(0.05)
