"""The servers that are compared, and the upstream that applications send requests to."""

import os
import shutil
import subprocess
import time

from harness import client, node, processes

from .applications import SHARED

_START_S = 90.0
_ASKED_EACH_S = 0.005


class Server:
    """A project that is served. `ready_ms` is from the start to the end of the first answer;
    without `is_asked` it is only waited until connections are accepted, for programs that count
    their requests."""

    def __init__(self, command, folder, log, environment, is_asked):
        self.log = log
        with open(log, "wb") as output:
            began = time.perf_counter()
            self._process = processes.start(
                command, folder=folder, environment=environment, output=output
            )
        self.ready_ms = (self._until_it_answers(is_asked) - began) * 1000

    def stop(self):
        """Ends it."""
        processes.stop(self._process)

    def said(self):
        """The last lines of what it has said."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])

    def _until_it_answers(self, is_asked):
        ends = time.monotonic() + _START_S
        while time.monotonic() < ends and self._process.poll() is None:
            try:
                with client.Connection(self.port, timeout_s=30.0) as connection:
                    if is_asked:
                        connection.get(self.host, "/")
                    return time.perf_counter()
            except (OSError, client.Wrong, ValueError, IndexError):
                time.sleep(_ASKED_EACH_S)
        self.stop()
        raise client.Wrong(f"it does not serve: {self.said()}")


class Isolane(Server):
    """`isolane dev`."""

    def __init__(self, isolane, folder, scratch, checks, is_asked=True):
        self.port = node.free_port()
        self.host = f"localhost:{self.port}"
        data = scratch / "data"
        for values in checks.get("kv", []):
            put = [isolane, "kv", "bulk", "put", "-n", values["namespace"], folder / values["file"]]
            subprocess.run([*put, "--data", data], check=True, capture_output=True)
        command = [isolane, "dev", "--port", self.port, "--data", data, folder]
        super().__init__(command, folder, scratch / "isolane.log", {"NO_COLOR": "1"}, is_asked)


class Wrangler(Server):
    """`wrangler dev` with the Node that it needs, local and without an account."""

    def __init__(self, tools, folder, scratch, checks, is_asked=True):
        self.port = node.free_port()
        self.host = f"localhost:{self.port}"
        wrangler = [tools["node"], tools["wrangler"]]
        # Each start has one of its own, as with Isolane: what an earlier one kept in the project's
        # folder is no part of the program.
        state = ["--persist-to", scratch / "state"]
        environment = {
            "CI": "1",
            "WRANGLER_SEND_METRICS": "false",
            "CLOUDFLARE_CF_FETCH_ENABLED": "false",
            "PATH": f"{tools['node'].parent}:{os.environ['PATH']}",
        }
        for values in checks.get("kv", []):
            put = ["kv", "bulk", "put", values["file"], "--namespace-id", values["namespace"]]
            subprocess.run(
                [*wrangler, *put, "--local", *state],
                cwd=folder,
                env={**os.environ, **environment},
                check=True,
                capture_output=True,
            )
        command = [*wrangler, "dev", "--ip", "127.0.0.1", "--port", self.port]
        command += ["--inspector-port", node.free_port(), *state]
        super().__init__(command, folder, scratch / "wrangler.log", environment, is_asked)


class Upstream:
    """The HTTP server that stands for the services that applications call. It remembers some of
    what it was sent, so what two servers send does not go to the same one."""

    def __init__(self, tools):
        runtime = tools.get("node") or shutil.which("node")
        self._process = subprocess.Popen(
            [runtime, SHARED / "upstream.mjs"], stdout=subprocess.PIPE, text=True
        )
        self.url = self._process.stdout.readline().strip()

    def stop(self):
        """Ends it."""
        self._process.kill()
        self._process.wait()
