"""The time from a saved file to the first answer of the new version, against wrangler dev."""

import os
import pathlib
import statistics
import time

from harness import client, node, peers, processes, projects
from harness.figures import distribution, progress, show_spread, spread, table

_START_S = 90.0
_RELOAD_S = 30.0
# Between two changes: watchers may hold back changes that follow one another closely.
_PAUSE_S = 0.3


class _Isolane:
    """`isolane dev` on a project."""

    def __init__(self, isolane, project, folder):
        self.port = node.free_port()
        command = [isolane, "dev", "--port", self.port, "--data", folder / "data", project.folder]
        self._log = folder / "isolane.log"
        with open(self._log, "wb") as log:
            environment = {"NO_COLOR": "1"}
            self._process = processes.start(command, environment=environment, output=log)
        _wait(self, project)

    def stop(self):
        processes.stop(self._process)


class _Wrangler:
    """`wrangler dev` on a project, with its own workerd."""

    def __init__(self, tools, project, folder):
        self.port = node.free_port()
        command = [tools["node"], tools["wrangler"], "dev", "--ip", "127.0.0.1"]
        command += ["--port", self.port, "--inspector-port", node.free_port()]
        environment = {
            "CI": "1",
            "WRANGLER_SEND_METRICS": "false",
            "CLOUDFLARE_CF_FETCH_ENABLED": "false",
            "PATH": f"{tools['node'].parent}:{os.environ['PATH']}",
        }
        with open(folder / "wrangler.log", "wb") as log:
            self._process = processes.start(
                command, environment=environment, folder=project.folder, output=log
            )
        _wait(self, project)

    def stop(self):
        processes.stop(self._process)


def run(options):
    """Changes each project again and again, the servers by turns."""
    tools = peers.tools(options.peers) if options.peers else {}
    folder = pathlib.Path(processes.scratch())
    changes = 5 if options.quick else 20
    results, rows = {}, []
    for original in projects.make(folder / "projects"):
        servers = {}
        try:
            ours = projects.copy(original, folder / f"isolane-{original.name}")
            servers["isolane"] = (_Isolane(options.isolane, ours, folder), ours)
            if tools.keys() >= {"node", "wrangler"}:
                its = projects.copy(original, folder / f"wrangler-{original.name}")
                servers["wrangler"] = (_Wrangler(tools, its, folder), its)
            figures = _measure(original.name, servers, changes)
        finally:
            for server, _ in servers.values():
                server.stop()
        for name, times in figures.items():
            result = {"save_to_served_ms": distribution(times), "spread": spread(times)}
            ratio = "1.00"
            if name != "isolane":
                pairs = zip(figures["isolane"], times)
                result["it_over_isolane"] = spread([its / ours for ours, its in pairs])
                ratio = show_spread(result["it_over_isolane"], 1)
            results[f"{original.name}, {name}"] = result
            rows.append([original.name, name, show_spread(result["spread"], 1), ratio])
    header = ["project", "by", "saved to served, ms", "it / isolane"]
    table(f"reload, {changes} changes: median (min .. max)", header, rows)
    return results


def _measure(name, servers, changes):
    figures = {server: [] for server in servers}
    for number in range(changes + 1):
        for server, (running, project) in servers.items():
            time.sleep(_PAUSE_S)
            took_ms = _reload(running.port, project, number + 1)
            # The first reload finds what no later one has to find again.
            if number > 0:
                figures[server].append(took_ms)
    for server, times in figures.items():
        progress(f"reloadpeers: {name}, {server}: {statistics.median(times):,.1f} ms")
    return figures


def _reload(port, project, number):
    """Saves a change and asks until it is served; any other answer than the old one is wrong."""
    before = project.answer()
    with client.Connection(port) as connection:
        connection.get("localhost")
        project.change(number)
        began = time.perf_counter()
        after = project.answer()
        while time.perf_counter() - began < _RELOAD_S:
            answer = connection.get("localhost")
            if answer.status == 200 and answer.body == after:
                return (time.perf_counter() - began) * 1000
            client.expect(answer, before, what=f"{project.name} while it is reloaded")
    raise client.Wrong(f"{project.name}: the change is not served in {_RELOAD_S:.0f} s")


def _wait(server, project):
    ends = time.monotonic() + _START_S
    while time.monotonic() < ends:
        try:
            with client.Connection(server.port, timeout_s=5.0) as connection:
                if connection.get("localhost").body == project.answer():
                    return
        except (OSError, client.Wrong):
            pass
        time.sleep(0.05)
    raise client.Wrong(f"{project.name} is not served in {_START_S:.0f} s")
