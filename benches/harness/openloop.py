"""A client that sends at a fixed rate, whatever the answers do, as a process of its own.

A latency counts from the moment at which the request was due, so a request that had to wait for
another one's answer is not forgiven. Prints one line of JSON. Not here: a closed loop (`load.py`).
"""

import gc
import json
import os
import select
import socket
import sys
import time

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from harness import client, processes

CONNECTIONS = 32
_WAIT_S = 30.0


def measure(port, host, rate, seconds):
    """Starts the client and waits for it; answers latencies in seconds and how it was run."""
    command = [sys.executable, __file__, str(port), host, str(rate), str(seconds)]
    return json.loads(processes.run(command, timeout_s=seconds + _WAIT_S + 30))


def urgent():
    """Makes this process run before the server's threads: else it would measure its own wait. What
    it starts does not."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(1))
        return "real-time"
    except OSError:
        pass
    try:
        os.nice(-15)
        os.sched_setscheduler(0, os.SCHED_OTHER | os.SCHED_RESET_ON_FORK, os.sched_param(0))
        return "nice -15"
    except OSError:
        return "normal"


def _run(port, host, rate, seconds):
    with client.Connection(port) as connection:
        first = client.expect(connection.get(host), None, what=host)
    size = first.head_bytes + len(first.body)
    idle = []
    for _ in range(CONNECTIONS):
        link = socket.create_connection(("127.0.0.1", port))
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        idle.append(link)
    request = f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    gc.disable()
    priority = urgent()
    clock = time.perf_counter
    total = int(rate * seconds)
    latencies, busy, overdue, sent = [], {}, [], 0
    began = clock() + 0.05
    while len(latencies) < total:
        now = clock()
        while sent < total and began + sent / rate <= now:
            overdue.append(began + sent / rate)
            sent += 1
        while overdue and idle:
            link = idle.pop()
            busy[link] = [overdue.pop(0), b""]
            link.sendall(request)
        pause = max(0.0, began + sent / rate - clock()) if sent < total else _WAIT_S
        readable, _, _ = select.select(list(busy), [], [], pause)
        if not readable and sent == total:
            raise client.Wrong(f"{len(busy)} requests have no answer after {_WAIT_S} s")
        for link in readable:
            entry = busy[link]
            entry[1] += link.recv(65536)
            if not entry[1].startswith(b"HTTP/1.1 200 ") or len(entry[1]) > size:
                raise client.Wrong(f"{host}: {entry[1][:300]!r}")
            if len(entry[1]) == size:
                if not entry[1].endswith(b"\r\n\r\n" + first.body):
                    raise client.Wrong(f"{host}: {entry[1][:300]!r}")
                latencies.append(clock() - entry[0])
                del busy[link]
                idle.append(link)
    return {"latencies_s": latencies, "priority": priority}


if __name__ == "__main__":
    arguments = sys.argv[1:]
    results = _run(int(arguments[0]), arguments[1], float(arguments[2]), float(arguments[3]))
    json.dump(results, sys.stdout)
