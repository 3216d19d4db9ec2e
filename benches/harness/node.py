"""An `isolane serve` process with generated workers."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from datetime import datetime

from . import client, processes, procfs

HANDLERS = pathlib.Path(__file__).parent.parent / "handlers"
_START_TIMEOUT_S = 120.0
# What the log of a node has to have for `Node.takeovers`.
TELLS_TAKEOVERS = "warn,isolane::serve::supervisor=info"


@dataclass
class Worker:
    """A worker to serve: at `<name>.bench.test`, with its source and its own limits.

    `files` are modules beside it, by name; `settings` are further lines of its `isolane.toml`.
    """

    name: str
    source: str
    limits: dict = field(default_factory=dict)
    files: dict = field(default_factory=dict)
    settings: list = field(default_factory=list)

    @property
    def host(self):
        """The hostname that leads to it."""
        return host(self.name)


def host(name):
    """The hostname of a worker of that name."""
    return f"{name}.bench.test"


def handler(file):
    """The source of a handler in `handlers/`."""
    return (HANDLERS / file).read_text(encoding="utf-8")


def free_port():
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def find_isolane():
    """`target/release/isolane` of this checkout, or below CARGO_TARGET_DIR."""
    checkout = pathlib.Path(__file__).resolve().parents[2]
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", checkout / "target"))
    return target / "release" / "isolane"


class Node:
    """A running node.

    `limits` are the keys of `[limits]` in node.toml. `log` is the filter of RUST_LOG: by default
    no line per request is written, as no peer writes one. `sections` are further lines of node.toml.
    """

    def __init__(
        self, isolane, workers, core=None, limits=None, log="warn", folder=None, sections=()
    ):
        self.folder = pathlib.Path(folder or processes.scratch())
        self.port = free_port()
        self.log_path = self.folder / "log.jsonl"
        self._log_filter = log
        self._core = core
        self._isolane = str(isolane)
        self._write(workers, limits or {}, sections)
        self._process = None
        self.start()

    def start(self):
        """Starts the process and waits until it answers."""
        with open(self.log_path, "ab") as log:
            self._process = processes.start(
                [self._isolane, "serve", "--config", self.folder / "node.toml"],
                core=self._core,
                environment={"RUST_LOG": self._log_filter, "NO_COLOR": "1"},
                output=log,
            )
        wait_until_answers(self.port, self._process, self.log_path)

    @property
    def supervisor_pid(self):
        """The number of the process that was started, which stays."""
        return self._process.pid

    @property
    def pid(self):
        """The number of the process that serves, which another may have replaced since."""
        return procfs.node_of(self.supervisor_pid)

    @property
    def is_alive(self):
        """Whether the process runs."""
        return self._process.poll() is None

    def connect(self):
        """A new connection to the node."""
        return client.Connection(self.port)

    def crashes(self):
        """The lines of the log that tell of a process that did not end by itself."""
        told = [line.get("message", "") for line in self.log()]
        return [line for line in told if "the node was ended by" in line]

    def takeovers(self):
        """The takeovers so far, as pairs of the time (seconds since the epoch) and the reason."""
        begun = [line for line in self.log() if "is started to take over" in line.get("message", "")]
        return [(datetime.fromisoformat(line["timestamp"]).timestamp(), line["reason"]) for line in begun]

    def log(self):
        """The lines of the log, parsed; a line that is no JSON object is an error."""
        with open(self.log_path, encoding="utf-8") as file:
            return [json.loads(line) for line in file if line.endswith("\n")]

    def stop(self, grace_s=35.0):
        """Stops the process with SIGTERM; answers its exit code and how long that took."""
        began = time.monotonic()
        code = processes.stop(self._process, grace_s)
        return code, time.monotonic() - began

    def kill(self):
        """Ends the process, and whatever it has started, with SIGKILL."""
        processes.stop(self._process, grace_s=0.0, first=signal.SIGKILL)

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.stop(grace_s=2.0)

    def _write(self, workers, limits, sections):
        lines = [
            'log = "json"',
            "[[listen]]",
            f'address = "127.0.0.1:{self.port}"',
            "[limits]",
            *(f"{key} = {value}" for key, value in limits.items()),
            *sections,
        ]
        for worker in workers:
            folder = self.folder / "workers" / worker.name
            folder.mkdir(parents=True, exist_ok=True)
            for name, text in {"index.js": worker.source, **worker.files}.items():
                (folder / name).write_text(text, encoding="utf-8")
            settings = [
                f'name = "{worker.name}"',
                f'routes = ["{worker.host}"]',
                *worker.settings,
                "[limits]",
                *(f"{key} = {value}" for key, value in worker.limits.items()),
            ]
            (folder / "isolane.toml").write_text("\n".join(settings) + "\n", encoding="utf-8")
            lines += ["[[workers]]", f'path = "workers/{worker.name}"']
        (self.folder / "node.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def wait_until_answers(port, process, log_path=None):
    """Waits until a server answers any request at all."""
    ends = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < ends:
        if process.poll() is not None:
            break
        try:
            with client.Connection(port, timeout_s=5.0) as connection:
                connection.get("nobody.invalid")
                return
        except (OSError, client.Wrong):
            time.sleep(0.02)
    text = log_path.read_text(encoding="utf-8", errors="replace")[-2000:] if log_path else ""
    state = "ended" if isinstance(process.poll(), int) else "does not answer"
    raise RuntimeError(f"the server at port {port} {state}: {text}")


def version(isolane):
    """What the binary says of itself."""
    out = subprocess.run([isolane, "--version"], capture_output=True, text=True, check=True)
    return out.stdout.strip()
