"""The start of a node that has many deployed versions: until it answers, and what it then takes."""

import gzip
import io
import json
import pathlib
import re
import tarfile
import time

from harness import client, node, processes, procfs
from harness.figures import distribution, progress, show_spread, spread, table

_WORKERS = 1_000
_VERSIONS_EACH = 10
_ASKED = 20
_SOURCE = """\
// Version {version} of {worker}.
export default {{
  fetch() {{
    return new Response("{worker} {version}\\n");
  }},
}};
"""


def run(options):
    """Deploys versions through the admin API, then starts the node again and again."""
    workers = 50 if options.quick else _WORKERS
    counts = {0: None, workers * _VERSIONS_EACH: workers}
    nodes = {}
    for count, of_workers in counts.items():
        nodes[count] = _Node(options.isolane)
        if of_workers:
            nodes[count].fill(of_workers)
    rounds = {count: [] for count in counts}
    for number in range(options.rounds + 1):
        for count, running in nodes.items():
            figure = running.start_and_stop(counts[count])
            # The first start warms up the system's page cache.
            if number > 0:
                rounds[count].append(figure)
    return _report(rounds)


class _Node:
    """A node with a data folder that outlives its process."""

    def __init__(self, isolane):
        self._isolane = isolane
        self._folder = pathlib.Path(processes.scratch())
        self._port = node.free_port()
        self._admin_port = node.free_port()
        config = (
            'log = "json"\ndata = "data"\n'
            f'listen = [{{ address = "127.0.0.1:{self._port}" }}]\n'
            f'admin = {{ address = "127.0.0.1:{self._admin_port}" }}\n'
        )
        (self._folder / "node.toml").write_text(config, encoding="utf-8")

    def fill(self, workers):
        """Deploys every version of so many workers."""
        process = self._start()
        began = time.monotonic()
        with client.Connection(self._admin_port, timeout_s=60.0) as admin:
            for number in range(workers):
                for version in range(_VERSIONS_EACH):
                    self._deploy(admin, f"w-{number}", version)
                if number % 100 == 99:
                    took_s = time.monotonic() - began
                    progress(f"start: {number + 1} of {workers} workers after {took_s:.0f} s")
        processes.stop(process, grace_s=35.0)

    def start_and_stop(self, workers):
        """Starts the node and asks some workers; answers the times and the memory."""
        began = time.perf_counter()
        process = self._start(poll_s=0.001)
        started_ms = (time.perf_counter() - began) * 1000
        rss_bytes = procfs.rss_bytes(procfs.node_of(process.pid))
        figure = {"started_ms": started_ms, "rss_mib": rss_bytes / 2**20}
        with client.Connection(self._port) as connection:
            firsts = []
            step = max(1, (workers or 0) // _ASKED)
            for number in range(0, workers or 0, step):
                name = f"w-{number}"
                expected = f"{name} {_VERSIONS_EACH - 1}\n".encode()
                answer = client.expect(connection.get(f"{name}.localhost"), expected, what=name)
                firsts.append(answer.first_byte_s * 1000)
        figure["first_answers_ms"] = firsts
        processes.stop(process, grace_s=35.0)
        return figure

    def _start(self, poll_s=0.02):
        with open(self._folder / "log", "ab") as log:
            process = processes.start(
                [self._isolane, "serve"],
                environment={"RUST_LOG": "warn", "NO_COLOR": "1"},
                folder=self._folder,
                output=log,
            )
        ends = time.monotonic() + 60.0
        while time.monotonic() < ends and process.poll() is None:
            try:
                with client.Connection(self._port) as connection:
                    connection.get("nobody.invalid")
                    return process
            except OSError:
                time.sleep(poll_s)
        raise RuntimeError((self._folder / "log").read_text(encoding="utf-8")[-2000:])

    def _deploy(self, admin, worker, version):
        archive = _archive(worker, version)
        path = f"/v1/workers/{worker}"
        # The node makes the address of the content, and says which one it is.
        unknown = "0" * 64
        answer = self._put(admin, f"{path}/versions/{unknown}", "application/gzip", archive)
        found = re.search(rb"the address ([0-9a-f]{64})", answer.body)
        if answer.status != 400 or not found:
            raise client.Wrong(f"{worker}: {answer.status} {answer.body[:300]!r}")
        address = found[1].decode()
        answer = self._put(admin, f"{path}/versions/{address}", "application/gzip", archive)
        client.expect(answer, None, status=201, what=f"version {version} of {worker}")
        body = json.dumps({"version": address}).encode()
        answer = self._put(admin, f"{path}/active", "application/json", body)
        client.expect(answer, None, what=f"{worker} with version {version}")

    def _put(self, admin, path, content, body):
        head = (
            f"PUT {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._admin_port}\r\n"
            f"Content-Type: {content}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return admin.request(head.encode() + body)


def _archive(worker, version):
    """A bundle of one module, as a deploy uploads it. Settings that are not named are defaults."""
    module = {"specifier": "index.js", "kind": "es_module", "file": "modules/0"}
    manifest = {"format": 1, "name": worker, "main": "index.js", "settings": {}, "modules": [module]}
    source = _SOURCE.format(worker=worker, version=version)
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=1, mtime=0) as packed:
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            for name, text in {"bundle.json": json.dumps(manifest), "modules/0": source}.items():
                data = text.encode()
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def _report(rounds):
    results, rows = {}, []
    for count, figures in rounds.items():
        started = spread([figure["started_ms"] for figure in figures])
        rss = spread([figure["rss_mib"] for figure in figures])
        firsts = distribution([ms for figure in figures for ms in figure["first_answers_ms"]])
        results[f"{count} versions"] = {
            "started_ms": started,
            "rss_mib": rss,
            "first_answers_ms": firsts,
        }
        first = f"{firsts['p50']:.1f}" if firsts["n"] else "-"
        rows.append([f"{count:,}", show_spread(started, 1), show_spread(rss, 1), first])
    header = ["versions", "process start to first answer, ms", "RSS MiB", "first answer p50 ms"]
    table(f"start, {_VERSIONS_EACH} versions of each worker: median (min .. max)", header, rows)
    return results
