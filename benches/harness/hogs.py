"""Clients of workers that take what they can get, as a process of its own: one request after
another to each worker, whatever the answer is. At low priority, so that the node is measured and
not this."""

import json
import os
import sys
import threading
import time

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from harness import client, processes


def start(port, hosts, path, clients, seconds):
    """Starts `clients` clients of each host; they end with the process. Answers the process."""
    plan = {"port": port, "hosts": hosts, "path": path, "clients": clients, "seconds": seconds}
    return processes.start([sys.executable, __file__, json.dumps(plan)])


def _keep_asking(plan, host):
    ends = time.monotonic() + plan["seconds"]
    while time.monotonic() < ends:
        try:
            with client.Connection(plan["port"], timeout_s=60.0) as connection:
                while time.monotonic() < ends:
                    answer = connection.get(host, plan["path"])
                    if answer.status != 200:
                        # Whoever is in quarantine is answered at once.
                        time.sleep(0.01)
        except (OSError, client.Wrong, ValueError, IndexError):
            time.sleep(0.05)


def _run(plan):
    processes.step_back()
    for host in plan["hosts"]:
        for _ in range(plan["clients"]):
            threading.Thread(target=_keep_asking, args=(plan, host), daemon=True).start()
    time.sleep(plan["seconds"])


if __name__ == "__main__":
    _run(json.loads(sys.argv[1]))
    sys.stdout.flush()
    # Some wait for an answer that takes very long.
    os._exit(0)
