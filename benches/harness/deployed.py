"""A node whose workers are deployed through the admin API, with a data folder that outlives its process."""

import gzip
import hashlib
import io
import json
import pathlib
import signal
import tarfile
import time

from . import client, node, processes, procfs

_START_TIMEOUT_S = 60.0


class DeployedNode:
    """Not running until `start`. `log` is the filter of RUST_LOG; `lines` are further ones of node.toml."""

    def __init__(self, isolane, log="warn", lines=""):
        self._isolane = isolane
        self._log_filter = log
        self._folder = pathlib.Path(processes.scratch())
        self._process = None
        self.port = node.free_port()
        self._admin_port = node.free_port()
        config = (
            'log = "json"\ndata = "data"\n'
            f'listen = [{{ address = "127.0.0.1:{self.port}" }}]\n'
            f'admin = {{ address = "127.0.0.1:{self._admin_port}" }}\n{lines}'
        )
        (self._folder / "node.toml").write_text(config, encoding="utf-8")

    def start(self, poll_s=0.02):
        """Starts the process; answers the seconds until it answers a request."""
        began = time.perf_counter()
        with open(self._folder / "log", "ab") as log:
            self._process = processes.start(
                [self._isolane, "serve"],
                environment={"RUST_LOG": self._log_filter, "NO_COLOR": "1"},
                folder=self._folder,
                output=log,
            )
        while time.perf_counter() - began < _START_TIMEOUT_S and self._process.poll() is None:
            try:
                with client.Connection(self.port) as connection:
                    connection.get("nobody.invalid")
                    return time.perf_counter() - began
            except OSError:
                time.sleep(poll_s)
        raise RuntimeError((self._folder / "log").read_text(encoding="utf-8")[-2000:])

    def stop(self):
        """Ends it with SIGTERM."""
        processes.stop(self._process, grace_s=35.0)

    def kill(self):
        """Ends it, and whatever it has started, with SIGKILL."""
        processes.stop(self._process, grace_s=0.0, first=signal.SIGKILL)

    @property
    def rss_bytes(self):
        """Its memory."""
        return procfs.rss_bytes(procfs.node_of(self._process.pid))

    def log(self):
        """The lines of its log, parsed."""
        with open(self._folder / "log", encoding="utf-8") as file:
            return [json.loads(line) for line in file if line.endswith("\n")]

    def admin(self):
        """A connection to its admin API, for `deploy` and `ask`."""
        return client.Connection(self._admin_port, timeout_s=60.0)

    def deploy(self, admin, worker, source, settings=None):
        """Uploads a version of a worker and activates it."""
        address, archive = _archive(worker, source, settings or {})
        path = f"/v1/workers/{worker}"
        answer = self._send(admin, "PUT", f"{path}/versions/{address}", "application/gzip", archive)
        client.expect(answer, None, status=201, what=f"a version of {worker}")
        self.ask(admin, "PUT", f"{path}/active", {"version": address})

    def ask(self, admin, method, path, body):
        """Asks the admin API for something; answers what it says."""
        body = json.dumps(body).encode()
        answer = self._send(admin, method, path, "application/json", body)
        if answer.status not in (200, 201):
            raise client.Wrong(f"{method} {path}: {answer.status} {answer.body[:300]!r}")
        return json.loads(answer.body)

    def _send(self, admin, method, path, content, body):
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._admin_port}\r\n"
            f"Content-Type: {content}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return admin.request(head.encode() + body)


def _archive(worker, source, settings):
    """A bundle of one module, as a deploy uploads it, behind its address, which is the hash of its manifest.

    Settings that are not named are defaults.
    """
    source = source.encode()
    module = {
        "specifier": "index.js",
        "kind": "es_module",
        "file": "modules/0",
        "sha256": hashlib.sha256(source).hexdigest(),
    }
    manifest = {"format": 2, "name": worker, "main": "index.js", "settings": settings}
    manifest = json.dumps({**manifest, "modules": [module]}).encode()
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=1, mtime=0) as packed:
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            for name, data in {"bundle.json": manifest, "modules/0": source}.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
    return hashlib.sha256(manifest).hexdigest(), out.getvalue()
