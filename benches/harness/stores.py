"""Servers of the `kv` bench: one worker on Isolane, miniflare and Deno, each with its data on disk."""

import os
import pathlib

from . import node, peers, processes

HANDLERS = node.HANDLERS / "kv"
_BINDING = 'kv_namespaces = [{ binding = "KV", id = "bench" }]'


class Isolane:
    """`isolane serve` with its default settings."""

    name = "isolane"
    # Of a value, in bytes.
    largest = 25 << 20

    def __init__(self, isolane, core):
        files = {"handler.js": (HANDLERS / "handler.js").read_text(encoding="utf-8")}
        source = (HANDLERS / "workers.js").read_text(encoding="utf-8")
        worker = node.Worker("kv", source, files=files, settings=[_BINDING])
        self.host = worker.host
        self._node = node.Node(isolane, [worker], core=core)
        self.port = self._node.port

    @property
    def pids(self):
        """The numbers of its processes."""
        return [self._node.pid]

    def restart(self):
        """Stops it and starts it again with the same data."""
        self.stop()
        self._node.start()

    def stop(self):
        """Ends it."""
        self._node.stop()


class _Peer:
    """A peer with its data in a scratch folder."""

    host = "kv.bench.test"

    def __init__(self, core):
        self.folder = pathlib.Path(processes.scratch())
        self.port = node.free_port()
        self._core = core
        self._log = self.folder / "log.txt"
        self._start()

    @property
    def pids(self):
        """The numbers of its processes."""
        return [self._process.pid]

    def restart(self):
        """Stops it and starts it again with the same data."""
        self.stop()
        self._start()

    def stop(self):
        """Ends it."""
        processes.stop(self._process, grace_s=20.0)

    def _start(self):
        command, environment = self._command()
        with open(self._log, "ab") as log:
            self._process = processes.start(
                command, core=self._core, environment=environment, output=log
            )
        node.wait_until_answers(self.port, self._process, self._log)


class Miniflare(_Peer):
    """miniflare, the reference local server of Workers KV, with `kvPersist`."""

    name = "miniflare"
    largest = 25 << 20

    def __init__(self, folder, core):
        self._packages = folder
        super().__init__(core)

    def _command(self):
        environment = {
            "PEERS": str(self._packages),
            "PORT": str(self.port),
            "DATA": str(self.folder / "kv"),
            "NODE_ENV": "production",
        }
        return ["node", HANDLERS / "miniflare.mjs"], environment


class Deno(_Peer):
    """`deno serve` with Deno KV in a file."""

    name = "deno"
    largest = 64 << 10

    def __init__(self, path, core):
        self._path = path
        super().__init__(core)

    def _command(self):
        command = [self._path, "serve", "--unstable-kv", "--allow-all", "--host", "127.0.0.1"]
        environment = {
            "KV_FILE": str(self.folder / "kv.sqlite"),
            "DENO_NO_UPDATE_CHECK": "1",
            "DENO_DIR": str(self.folder / "deno"),
        }
        return [*command, "--port", self.port, HANDLERS / "deno.js"], environment


def start(options, core, servers):
    """Starts what there is, and puts it into `servers` by name as it goes; answers the versions."""
    versions = {"isolane": node.version(options.isolane)}
    servers["isolane"] = Isolane(options.isolane, core)
    if not options.peers:
        return versions
    found = peers.binaries(options.peers)
    miniflare = peers.library_version(options.peers, "miniflare")
    if miniflare and "node" in found:
        versions["miniflare"] = f"{miniflare}, node {peers.version_of('node', found['node'])}"
        servers["miniflare"] = Miniflare(os.path.abspath(options.peers), core)
    if "deno" in found:
        versions["deno"] = peers.version_of("deno", found["deno"])
        servers["deno"] = Deno(found["deno"], core)
    return versions
