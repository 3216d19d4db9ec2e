"""The servers of the `queues` bench, and the sink that their consumers report to."""

import http.server
import json
import os
import pathlib
import socketserver
import threading
import time

from . import client, node, processes, procfs
from .node import HANDLERS, Node, Worker, handler, host

_WORKER = "queues"
_CONSUMERS = {"batch-1": (1, 0), "batch-10": (10, 1), "batch-100": (100, 1), "each": (1, 0), "backlog": (100, 1)}
_BINDINGS = {queue.upper().replace("-", "_"): queue for queue in _CONSUMERS}
# Of a queue of Workers it is 5,000.
_PER_SECOND = 1_000_000
_TOKEN = "a-token-of-the-bench"


class Sink:
    """An HTTP server that notes when it was told of each number. Its answers are empty."""

    def __init__(self):
        self.came = {}
        sink = self

        class Handler(http.server.BaseHTTPRequestHandler):
            """Takes `GET /?<number>`."""

            protocol_version = "HTTP/1.1"

            def do_GET(self):  # pylint: disable=invalid-name
                """Notes the number in the query."""
                sink.came.setdefault(int(self.path.partition("?")[2]), time.perf_counter())
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_arguments):  # pylint: disable=arguments-differ
                """Says nothing."""

        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
            """A thread for each connection."""

            daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def wait_for(self, numbers, timeout_s):
        """Waits until all of them have come; answers when each has."""
        ends = time.monotonic() + timeout_s
        while not all(number in self.came for number in numbers):
            if time.monotonic() > ends:
                missing = [number for number in numbers if number not in self.came]
                raise client.Wrong(f"{len(missing)} messages were not delivered, such as {missing[0]}")
            time.sleep(0.01)
        return [self.came[number] for number in numbers]

    def stop(self):
        """Ends it."""
        self._server.shutdown()


class Isolane:
    """A node with the worker, its data on disk."""

    name = "isolane"
    host = host(_WORKER)
    # Messages that are sent at once.
    burst = 50_000

    def __init__(self, isolane, sink, folder=None):
        self._admin_port = node.free_port()
        folder = pathlib.Path(folder or processes.scratch())
        # The sink is where the admin API is: on this machine, which workers may reach here.
        (folder / "token").write_text(_TOKEN, encoding="ascii")
        self._node = Node(
            isolane,
            [Worker(_WORKER, handler("queue/worker.js"), settings=_settings(sink))],
            folder=folder,
            limits={"cpu_ms": 1000},
            sections=[
                f'[admin]\naddress = "127.0.0.1:{self._admin_port}"\ntoken_file = "token"',
                '[outbound]\nallow = ["127.0.0.0/8"]',
                f"[queue]\nmessages_per_second = {_PER_SECOND}",
            ],
        )

    @property
    def port(self):
        """Where it takes requests."""
        return self._node.port

    @property
    def cpu_s(self):
        """What it has used of the processors."""
        return procfs.cpu_s(self._node.pid)

    @property
    def rss_bytes(self):
        """Its memory."""
        return procfs.rss_bytes(self._node.pid)

    @property
    def data_bytes(self):
        """What its queues have on the disk."""
        folder = self._node.folder / "data" / "queues"
        return sum(entry.stat().st_blocks * 512 for entry in os.scandir(folder) if entry.is_file())

    def counts(self):
        """How many messages were sent and handled since its start."""
        text = self._ask("GET", "/metrics").decode()
        values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        again = int(values["isolane_queue_retried_messages_total"])
        if again:
            raise client.Wrong(f"{again} messages were delivered again")
        sent, acked = (f"isolane_queue_{name}_messages_total" for name in ("sent", "acked"))
        return int(values[sent]), int(values[acked])

    def queue(self, name, action=None):
        """What the admin API says of a queue, after `pause` or `resume` if that is the action."""
        method, path = ("POST", f"/v1/queues/{name}/{action}") if action else ("GET", f"/v1/queues/{name}")
        return json.loads(self._ask(method, path))

    def _ask(self, method, path):
        fields = f"Host: localhost\r\nAuthorization: Bearer {_TOKEN}\r\nContent-Length: 0"
        with client.Connection(self._admin_port) as admin:
            answer = admin.request(f"{method} {path} HTTP/1.1\r\n{fields}\r\n\r\n".encode())
        return client.expect(answer, None, what=path).body

    def restart(self, is_killed):
        """Ends it, by SIGTERM or SIGKILL, and starts it again; answers the seconds until it answers."""
        self._node.kill() if is_killed else self._node.stop()
        began = time.monotonic()
        self._node.start()
        return time.monotonic() - began

    def stop(self):
        """Ends it."""
        self._node.stop(grace_s=10.0)


class Miniflare:
    """miniflare with the worker; its queues are in memory."""

    name = "miniflare"
    host = "127.0.0.1"
    # Its queue has a timer for each message, and fails where 10,000 wait.
    burst = 5_000

    def __init__(self, peers_folder, sink):
        self.port = node.free_port()
        environment = {"PEERS": str(peers_folder), "PORT": str(self.port), "SINK": sink.url}
        script = HANDLERS / "queue" / "miniflare.mjs"
        self._process = processes.start(["node", script], environment=environment)
        node.wait_until_answers(self.port, self._process)

    @property
    def cpu_s(self):
        """What it has used of the processors."""
        return sum(map(procfs.cpu_s, procfs.family(self._process.pid)))

    def counts(self):
        """How many messages were sent and handled since its start, as its one isolate says."""
        with client.Connection(self.port) as connection:
            told = json.loads(client.expect(connection.get(self.host, "/counts"), None, what="counts").body)
        return told["sent"], told["consumed"]

    def stop(self):
        """Ends it."""
        processes.stop(self._process)


def _settings(sink):
    producers = [f'{{ binding = "{binding}", queue = "{queue}" }}' for binding, queue in _BINDINGS.items()]
    consumers = [
        f'{{ queue = "{queue}", max_batch_size = {size}, max_batch_timeout = {timeout_s} }}'
        for queue, (size, timeout_s) in _CONSUMERS.items()
    ]
    return [
        'compatibility_date = "2026-07-01"',
        f'vars = {{ SINK = "{sink.url}" }}',
        f'queues = {{ producers = [{", ".join(producers)}], consumers = [{", ".join(consumers)}] }}',
    ]
