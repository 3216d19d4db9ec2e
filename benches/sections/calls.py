"""What a call of another worker costs, beside an awaited promise and beside workerd."""

import statistics
import time
import urllib.parse

from harness import client, node, peers, processes
from harness.figures import progress, show_spread, spread, table
from harness.node import HANDLERS, Node, Worker, handler, host

_KINDS = ["promise", "fetch", "method", "stub", "pipelined", "64 KiB"]
# Of each kind: calls in a request, since a promise takes less than a clock can tell.
_CALLS = {"promise": 20_000, "64 KiB": 100}
_SOME_CALLS = 400
_HOST = host("caller")


class _Workerd:
    def __init__(self, path, core):
        self.port = node.free_port()
        command = peers.workerd_command(path, HANDLERS / "calls" / "workerd.capnp", self.port)
        self._process = processes.start(command, core=core)
        node.wait_until_answers(self.port, self._process)

    def stop(self):
        """Ends it."""
        processes.stop(self._process)


class _Isolane:
    def __init__(self, isolane, core):
        date = 'compatibility_date = "2026-11-01"'
        service = 'services = [{ binding = "S", service = "callee", entrypoint = "S" }]'
        limits = {"subrequests": 10_000}
        workers = [
            Worker("callee", handler("calls/callee.js"), settings=[date]),
            Worker("caller", handler("calls/caller.js"), limits, settings=[date, service]),
        ]
        self._node = Node(isolane, workers, core=core)
        self.port = self._node.port

    def stop(self):
        """Ends it."""
        self._node.stop(grace_s=2.0)


def run(options):
    """Measures each kind of call by turns; answers microseconds a call by kind and server."""
    cores = peers.cores()
    core = cores[0] if len(cores) >= 2 else None
    installed = peers.binaries(options.peers) if options.peers else {}
    servers = {}
    try:
        servers["isolane"] = _Isolane(options.isolane, None)
        servers["isolane, one core"] = _Isolane(options.isolane, core)
        if "workerd" in installed:
            servers["workerd"] = _Workerd(installed["workerd"], None)
        rounds = {kind: {name: [] for name in servers} for kind in _KINDS}
        for number in range(options.rounds + 1):
            for kind in _KINDS:
                for name, server in servers.items():
                    figure = _cost_us(server, kind, 5 if options.quick else 15)
                    # The first round warms up.
                    if number > 0:
                        rounds[kind][name].append(figure)
            progress(f"calls: round {number} of {options.rounds}")
    finally:
        for server in servers.values():
            server.stop()
    return _report(rounds)


def _cost_us(server, kind, requests):
    """One call, in microseconds: what requests with many take longer than requests with none."""
    many = _CALLS.get(kind, _SOME_CALLS)
    with client.Connection(server.port) as connection:
        none, with_many = [], []
        for _ in range(requests):
            none.append(_seconds(connection, kind, 0))
            with_many.append(_seconds(connection, kind, many))
    return (statistics.median(with_many) - statistics.median(none)) / many * 1e6


def _seconds(connection, kind, count):
    path = f"/{urllib.parse.quote(kind)}?n={count}"
    began = time.perf_counter()
    answer = connection.get(_HOST, path)
    took = time.perf_counter() - began
    client.expect(answer, f"{count}\n".encode(), what=f"{kind}, {count} calls")
    return took


def _report(rounds):
    results = {}
    rows = []
    for kind, servers in rounds.items():
        ours = servers["isolane"]
        for name, figures in servers.items():
            found = spread(figures)
            results.setdefault(kind, {})[name] = {"us": found, "rounds": figures}
            ratios = spread([us / them for us, them in zip(ours, figures)])
            ratio = show_spread(ratios, 2) if name != "isolane" else ""
            title = kind if name == "isolane" else ""
            rows.append([title, name, show_spread(found, 2), ratio])
    header = ["call", "server", "µs a call", "isolane / it"]
    table("calls of another worker, one after the other: median (min .. max) of rounds", header, rows)
    return results
