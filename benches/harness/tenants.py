"""Clients of several quiet workers at a fixed rate in all, as a process of its own; see
`openloop.py`, which asks one worker and takes no wrong answer. Here a wrong answer, or none, is
counted. Prints one line of JSON."""

import gc
import json
import os
import select
import socket
import sys
import time

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from harness import openloop, processes

CONNECTIONS = 64
_WAIT_S = 10.0
_END = b"\r\n\r\ngood"


def measure(port, hosts, rate, seconds):
    """Starts the client and waits for it; answers latencies in seconds, the failures, the priority."""
    command = [sys.executable, __file__, str(port), json.dumps(hosts), str(rate), str(seconds)]
    return json.loads(processes.run(command, timeout_s=seconds + _WAIT_S + 60))


class _Link:
    def __init__(self, port):
        self.port = port
        self.open()

    def open(self):
        self.socket = socket.create_connection(("127.0.0.1", self.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, host, due):
        self.due = due
        self.data = b""
        self.socket.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())

    def again(self):
        self.socket.close()
        self.open()

    def fileno(self):
        return self.socket.fileno()


def _run(port, hosts, rate, seconds):
    links = [_Link(port) for _ in range(CONNECTIONS)]
    idle, busy, overdue = list(links), set(), []
    gc.disable()
    priority = openloop.urgent()
    clock = time.perf_counter
    total = int(rate * seconds)
    latencies, failures, sent = [], [], 0
    began = clock() + 0.05
    while len(latencies) + len(failures) < total:
        now = clock()
        while sent < total and began + sent / rate <= now:
            overdue.append((hosts[sent % len(hosts)], began + sent / rate))
            sent += 1
        while overdue and idle:
            link = idle.pop()
            link.send(*overdue.pop(0))
            busy.add(link)
        pause = max(0.0, began + sent / rate - clock()) if sent < total else 0.1
        for link in select.select(list(busy), [], [], pause)[0]:
            part = link.socket.recv(65536)
            link.data += part
            if link.data.startswith(b"HTTP/1.1 200 ") and link.data.endswith(_END):
                latencies.append(clock() - link.due)
            elif part and b"\r\n\r\n" not in link.data:
                continue
            else:
                failures.append(link.data[:200].decode("latin-1"))
                link.again()
            busy.discard(link)
            idle.append(link)
        for link in [link for link in busy if clock() - link.due > _WAIT_S]:
            failures.append(f"no answer after {_WAIT_S} s")
            link.again()
            busy.discard(link)
            idle.append(link)
    return {"latencies_s": latencies, "failures": failures, "priority": priority}


if __name__ == "__main__":
    arguments = sys.argv[1:]
    plan = int(arguments[0]), json.loads(arguments[1]), float(arguments[2]), float(arguments[3])
    json.dump(_run(*plan), sys.stdout)
