"""Requests per second, latency under full load and CPU of `hello`, against the peers."""

import os

from harness import client, load, peers, procfs
from harness.figures import progress, show_spread, spread, table
from harness.node import Node, Worker, handler, version

BODY = b"Hello, world!\n"
HOST = "hello.bench.test"
_CONNECTIONS = 64
_CHECKED_ANSWERS = 20


class _Isolane:
    """The node as one of the servers."""

    def __init__(self, isolane, core):
        self._node = Node(isolane, [Worker("hello", handler("hello.js"))], core=core)
        self.port = self._node.port
        self.pids = [self._node.pid]

    def stop(self):
        self._node.stop(grace_s=2.0)


def run(options):
    """Measures both modes; answers `{"one_core": .., "all_cores": ..}`."""
    installed = peers.binaries(options.peers) if options.peers else {}
    versions = {name: peers.version_of(name, path) for name, path in installed.items()}
    versions["isolane"] = version(options.isolane)
    results = {"versions": versions, "connections": _CONNECTIONS}
    cores = peers.cores()
    if len(cores) >= 2:
        results["one_core"] = _mode(options, installed, "one core", cores[:2])
    else:
        progress("hello on one core needs a second core for the load: left out")
    results["all_cores"] = _mode(options, installed, "all cores", None)
    return results


def _mode(options, installed, title, pinned):
    core, load_core = pinned or (None, None)
    parallel = 1 if pinned else len(peers.cores())
    servers = {}
    try:
        servers["isolane"] = _Isolane(options.isolane, core)
        for name, path in installed.items():
            servers[name] = peers.Peer(name, path, core, parallel)
        rounds = _rounds(options, servers, title, load_core)
    finally:
        for server in servers.values():
            server.stop()
    return _report(title, rounds)


def _rounds(options, servers, title, load_core):
    """Warms every server up, then measures one after the other, again and again."""
    seconds = 2 if options.quick else 8
    for name, server in servers.items():
        progress(f"hello, {title}: warming up {name}")
        checked = {"script": "check.lua", "args": [BODY.decode()]}
        load.wrk(server.port, HOST, 2, _CONNECTIONS, core=load_core, **checked)
    rounds = {name: [] for name in servers}
    for number in range(options.rounds):
        for name, server in servers.items():
            answer_bytes = _check_answers(server.port, name)
            before = sum(map(procfs.cpu_s, server.pids))
            figures = load.wrk(server.port, HOST, seconds, _CONNECTIONS, core=load_core)
            cpu_s = sum(map(procfs.cpu_s, server.pids)) - before
            load.check_bytes(figures, answer_bytes, name)
            figures["cpu_s_per_million"] = cpu_s / figures["requests"] * 1e6
            rounds[name].append(figures)
            progress(
                f"hello, {title}: round {number + 1} of {options.rounds}: {name} "
                f"{figures['rps']:,.0f} requests/s, "
                f"{figures['cpu_s_per_million']:.1f} CPU s per million"
            )
    return rounds


def _check_answers(port, name):
    """Reads some answers in full; answers the size of one."""
    with client.Connection(port) as connection:
        request = f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
        sizes = set()
        for _ in range(_CHECKED_ANSWERS):
            answer = client.expect(connection.request(request), BODY, what=name)
            sizes.add(answer.head_bytes + len(answer.body))
    if len(sizes) != 1:
        raise client.Wrong(f"{name}: answers of different sizes: {sorted(sizes)}")
    return sizes.pop()


def _report(title, rounds):
    names = ["rps", "cpu_s_per_million", "p50_ms", "p90_ms", "p99_ms", "max_ms"]
    results = {}
    for name, figures in rounds.items():
        results[name] = {key: spread([figure[key] for figure in figures]) for key in names}
        ratios = [
            ours["rps"] / theirs["rps"] for ours, theirs in zip(rounds["isolane"], figures)
        ]
        results[name]["isolane_ratio"] = spread(ratios)
        results[name]["rounds"] = figures
    rows = [
        [
            name,
            show_spread(result["rps"]),
            show_spread(result["isolane_ratio"], 2),
            show_spread(result["cpu_s_per_million"], 1),
            *(f"{result[key]['median']:.2f}" for key in names[2:]),
        ]
        for name, result in results.items()
    ]
    header = ["server", "requests/s", "isolane / it", "CPU s per million", "p50 ms", "p90", "p99"]
    load_average = os.getloadavg()[0]
    table(
        f"hello, {title}, {_CONNECTIONS} connections, closed loop: median (min .. max) of rounds; "
        f"load average {load_average:.1f}",
        [*header, "max"],
        rows,
    )
    return results
