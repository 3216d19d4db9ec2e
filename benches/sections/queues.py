"""Queues: messages per second, from sending to handling, and a backlog, beside miniflare's."""

import concurrent.futures
import pathlib
import time

from harness import client, load, processes
from harness.figures import distribution, progress, show_spread, spread, table
from harness.queueservers import Isolane, Miniflare, Sink

_SIZES = (1, 10, 100)
_CONNECTIONS = 32
_SENT = b"sent\n"
_DRAIN_S = 300.0
_LATENCY_RATE = 100
_FILL_CONNECTIONS = 8
_FILL_BATCH = 100
_REST_S = 3.0
_MB = 1e6


def run(options):
    """Measures what `--only` selects: throughput, latency, backlog."""
    results = {}
    sink = Sink()
    try:
        for part in (_throughput, _latency, _backlog):
            name = part.__name__.strip("_")
            if not options.only or options.only in name:
                results[name] = part(options, sink)
    finally:
        sink.stop()
    return results


def _servers(options, sink):
    yield Isolane(options.isolane, sink)
    if options.peers:
        yield Miniflare(pathlib.Path(options.peers).resolve(), sink)


def _throughput(options, sink):
    """How many messages are sent a second, and are handled until the last of them is."""
    seconds = 2 if options.quick else 5
    results = {size: {} for size in _SIZES}
    for number in range(options.rounds):
        for size in _SIZES:
            for server in _servers(options, sink):
                try:
                    figures = _bursts(server, size, seconds)
                finally:
                    server.stop()
                results[size].setdefault(server.name, []).append(figures)
                progress(
                    f"queues: round {number + 1}, batches of {size}, {server.name}: "
                    f"{figures['sent_per_s']:,.0f} sent, {figures['handled_per_s']:,.0f} handled a second"
                )
    rows = []
    for size, servers in results.items():
        ours = servers["isolane"]
        for name, rounds in servers.items():
            cells = [show_spread(spread([it[key] for it in rounds])) for key in ("sent_per_s", "handled_per_s")]
            cpu = show_spread(spread([it["cpu_us"] for it in rounds]), 1)
            ratios = [us["handled_per_s"] / it["handled_per_s"] for us, it in zip(ours, rounds)]
            ratio = show_spread(spread(ratios), 2) if name != "isolane" else ""
            rows.append([f"{size}" if name == "isolane" else "", name, *cells, cpu, ratio])
    header = ["batch", "server", "sent/s", "handled/s", "CPU us a message", "isolane / it (handled)"]
    table("messages a second, sent one after the other or in batches, and handled in such batches", header, rows)
    return results


def _bursts(server, size, seconds):
    """Sends some messages as fast as they are taken, waits until all are handled, and so on."""
    path = f"/send?queue={size}&n={size}"
    requests = server.burst // size
    _burst(server, path, size, requests)
    sent = took_s = sending_s = 0.0
    cpu_s = server.cpu_s
    while took_s < seconds:
        burst_s, burst_sending_s = _burst(server, path, size, requests)
        sent += requests * size
        took_s += burst_s
        sending_s += burst_sending_s
    return {
        "sent_per_s": sent / sending_s,
        "handled_per_s": sent / took_s,
        "cpu_us": (server.cpu_s - cpu_s) / sent * 1e6,
    }


def _burst(server, path, size, requests):
    """Answers the seconds until all was handled, and those in which it was sent."""
    before = server.counts()[0]
    began = time.monotonic()
    clients = min(_CONNECTIONS, requests)
    figures = load.h2load(server.port, server.host, requests, clients=clients, h1=True, path=path)
    if figures["failed"] or figures["succeeded"] != requests:
        raise client.Wrong(f"{server.name}: {figures}")
    _wait_until_handled(server, before + requests * size)
    return time.monotonic() - began, requests / figures["rps"]


def _wait_until_handled(server, expected):
    ends = time.monotonic() + _DRAIN_S
    while True:
        sent, handled = server.counts()
        if sent == handled == expected:
            return
        if time.monotonic() > ends or sent > expected:
            raise client.Wrong(
                f"{server.name}: {sent} messages were sent and {handled} handled of {expected}"
            )
        time.sleep(0.005)


def _latency(options, sink):
    """Open loop at a modest rate: from when a message was due to be sent until its handler has told."""
    count = 200 if options.quick else 1000
    results = {}
    first = 0
    for _ in range(options.rounds):
        for server in _servers(options, sink):
            try:
                for way in ("each", "direct"):
                    # Warm, and known for short slices.
                    for part in (100, count):
                        numbers = range(first, first + part)
                        first += part
                        due = _send_at_rate(server, way, numbers)
                        came = sink.wait_for(numbers, 30.0)
                    times = [(at - then) * 1e3 for at, then in zip(came, due)]
                    results.setdefault((server.name, way), []).append(distribution(times, unit="_ms"))
            finally:
                server.stop()
    ways = {"each": "through a queue", "direct": "without"}
    rows = []
    for (name, way), rounds in sorted(results.items(), key=lambda item: item[0][1], reverse=True):
        cells = [show_spread(spread([it[key] for it in rounds]), 2) for key in ("p50_ms", "p99_ms", "max_ms")]
        rows.append([ways[way], name, *cells])
    header = ["told", "server", "p50 ms", "p99 ms", "max ms"]
    table(f"from sending to being handled, {_LATENCY_RATE} messages a second", header, rows)
    return {f"{name}, {ways[way]}": rounds for (name, way), rounds in results.items()}


def _send_at_rate(server, way, numbers):
    due = []
    expected = _SENT if way == "each" else b"told\n"
    with client.Connection(server.port) as connection:
        began = time.perf_counter()
        for index, number in enumerate(numbers):
            at = began + index / _LATENCY_RATE
            time.sleep(max(0.0, at - time.perf_counter()))
            due.append(at)
            client.expect(connection.get(server.host, f"/{way}?id={number}"), expected, what=server.name)
    return due


def _backlog(options, sink):
    """A queue that nobody empties, until somebody does."""
    count = 20_000 if options.quick else 1_000_000
    server = Isolane(options.isolane, sink, folder=processes.scratch())
    try:
        base = server.rss_bytes
        server.queue("backlog", "pause")
        began = time.monotonic()
        _fill(server, count)
        results = {"messages": count, "fill_s": time.monotonic() - began}
        time.sleep(_REST_S)
        _expect_backlog(server, count)
        results.update(base_mb=base / _MB, full_mb=server.rss_bytes / _MB, disk_mb=server.data_bytes / _MB)
        for way, is_killed in (("stopped", False), ("killed", True)):
            results[f"restart_{way}_s"] = server.restart(is_killed)
            time.sleep(_REST_S)
            _expect_backlog(server, count)
            results[f"rss_{way}_mb"] = server.rss_bytes / _MB
        results.update(_drain(server, count))
        time.sleep(_REST_S)
        results.update(after_mb=server.rss_bytes / _MB, disk_after_mb=server.data_bytes / _MB)
    finally:
        server.stop()
    rows = [
        ["sent, in batches of 100", f"{count / results['fill_s']:,.0f} messages/s"],
        ["memory before, with the backlog", f"{results['base_mb']:,.0f} MB, {results['full_mb']:,.0f} MB"],
        ["on the disk", f"{results['disk_mb']:,.0f} MB"],
        ["restart after SIGTERM", f"{results['restart_stopped_s']:.2f} s, then {results['rss_stopped_mb']:,.0f} MB"],
        ["restart after SIGKILL", f"{results['restart_killed_s']:.2f} s, then {results['rss_killed_mb']:,.0f} MB"],
        ["handled, in batches of 100", f"{count / results['drain_s']:,.0f} messages/s"],
        ["memory at most meanwhile, and after", f"{results['peak_mb']:,.0f} MB, {results['after_mb']:,.0f} MB"],
        ["on the disk after", f"{results['disk_after_mb']:,.0f} MB"],
    ]
    table(f"a backlog of {count:,} messages of 100 bytes", ["what", "figure"], rows)
    return results


def _fill(server, count):
    path = f"/send?queue=backlog&n={_FILL_BATCH}"

    def send(requests):
        with client.Connection(server.port) as connection:
            for _ in range(requests):
                client.expect(connection.get(server.host, path), _SENT, what="fill")

    requests = count // _FILL_BATCH
    parts = [len(range(number, requests, _FILL_CONNECTIONS)) for number in range(_FILL_CONNECTIONS)]
    with concurrent.futures.ThreadPoolExecutor(_FILL_CONNECTIONS) as pool:
        list(pool.map(send, parts))


def _expect_backlog(server, count):
    found = server.queue("backlog")["backlog_count"]
    if found != count:
        raise client.Wrong(f"{found} messages are left of {count}")


def _drain(server, count):
    peak = 0
    server.queue("backlog", "resume")
    began = time.monotonic()
    while (handled := server.counts()[1]) < count:
        peak = max(peak, server.rss_bytes)
        if time.monotonic() - began > _DRAIN_S:
            raise client.Wrong(f"{handled} messages of {count} are handled")
        time.sleep(0.1)
    took_s = time.monotonic() - began
    if handled != count:
        raise client.Wrong(f"{handled} messages were handled of {count}")
    _expect_backlog(server, 0)
    return {"drain_s": took_s, "peak_mb": peak / _MB}
