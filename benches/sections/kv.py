"""KV through a worker: gets, puts, lists and bulk gets, against miniflare and Deno KV."""

import os

from harness import kvload, peers, stores, syncs
from harness.figures import progress, show_spread, spread, table
from sections import kvoperations

_FIGURES = ["rps", "p50_ms", "p99_ms", "max_ms", "cpu_s_per_million"]
# Puts with one connection, and then for so long with many, whose syncs are counted.
_COUNTED_PUTS = 200
_COUNTED_S = 2


def run(options):
    """Measures each operation by turns; answers the figures by operation and server."""
    cores = peers.cores()
    pinned = len(cores) >= 2 and not options.unpinned
    core, load_core = cores[:2] if pinned else (None, None)
    operations = kvoperations.operations(options.quick)
    if options.only:
        operations = [it for it in operations if options.only in it.name]
    servers = {}
    try:
        results = {"versions": stores.start(options, core, servers)}
        needed = {it.filled for it in operations if it.filled}
        for name, server in servers.items():
            for prefix, count, size in sorted(needed):
                if size <= server.largest:
                    progress(f"kv: {name}: putting {count} values of {size} bytes")
                    kvload.fill(server, prefix, count, size)
        results["operations"] = {
            it.name: _operation(options, it, servers, load_core) for it in operations
        }
        _report(results["operations"], list(servers), "one core" if pinned else "all cores")
        if syncs.can_count():
            results["syncs"] = {name: _syncs(server) for name, server in servers.items()}
            _report_syncs(results["syncs"])
        else:
            progress("kv: without strace syncs are not counted (Debian package strace)")
    finally:
        for server in servers.values():
            server.stop()
    return results


def _operation(options, operation, servers, load_core):
    """The rounds of one operation: `{"isolane": [figures, ..], "deno": "why not"}`."""
    seconds = 1 if options.quick else 3
    rounds = {name: [] for name in servers}
    able = {}
    for name, server in servers.items():
        if operation.bytes > server.largest:
            rounds[name] = f"not possible: values of at most {server.largest >> 10} KiB"
            continue
        able[name] = server
        if not operation.cold:
            kvload.check(server, operation, load_core)
    for number in range(options.rounds):
        for name, server in able.items():
            if operation.cold:
                server.restart()
            figures = kvload.measure(server, operation, seconds, load_core, number)
            rounds[name].append(figures)
            progress(
                f"kv: {operation.name}: round {number + 1} of {options.rounds}: {name} "
                f"{figures['rps']:,.0f} requests/s"
            )
    return rounds


def _report(operations, names, where):
    rows = []
    for operation, rounds in operations.items():
        ours = rounds["isolane"]
        for name in names:
            theirs = rounds[name]
            title = operation if name == "isolane" else ""
            if isinstance(theirs, str):
                rows.append([title, name, theirs, "", "", "", "", ""])
                continue
            summary = {key: spread([it[key] for it in theirs]) for key in _FIGURES}
            ratios = [us["rps"] / them["rps"] for us, them in zip(ours, theirs)]
            ratio = show_spread(spread(ratios), 2) if name != "isolane" else ""
            rows.append([
                title,
                name,
                show_spread(summary["rps"]),
                ratio,
                *(f"{summary[key]['median']:.2f}" for key in _FIGURES[1:4]),
                f"{summary['cpu_s_per_million']['median']:,.0f}",
            ])
    table(
        f"kv, {where}, closed loop: median (min .. max) of rounds; cold: read for the "
        "first time since the server's start, the system's page cache is warm; "
        f"load average {os.getloadavg()[0]:.1f}",
        ["operation", "server", "requests/s", "isolane / it", "p50 ms", "p99", "max", "CPU s/M"],
        rows,
    )


def _syncs(server):
    """The syncs of puts of 100 bytes: one after the other, and many at a time."""
    found = {}
    progress(f"kv: {server.name}: counting syncs")
    for connections in (1, 16, 256):
        put = kvoperations.put(100, connections)
        much = {"count": _COUNTED_PUTS} if connections == 1 else {"seconds": _COUNTED_S}
        with syncs.Counter(server.pids[0]) as counter:
            puts = kvload.put_some(server, put, **much)
        found[str(connections)] = {"puts": puts, **counter.calls}
    return found


def _report_syncs(counted):
    rows = []
    for name, runs in counted.items():
        for connections, found in runs.items():
            calls = {call: count for call, count in found.items() if call != "puts"}
            each = sum(calls.values()) / found["puts"]
            shown = ", ".join(f"{count:,} {call}" for call, count in calls.items())
            rows.append([name, connections, f"{found['puts']:,}", shown or "none", f"{each:.3f}"])
    header = ["server", "puts at a time", "answered", "calls", "calls per put"]
    table("kv, calls that have data put on disk (under strace, which slows down)", header, rows)
