"""Clients that keep workers burning CPU, as a process of its own: one request after another to
each worker. Even ones burn until they are stopped at their limit, odd ones do a fixed piece of
work below it. Every answer is checked."""

import json
import os
import sys
import threading
import time

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from harness import client, processes

ENDLESS = ("/loop", "/allocate", "/microtasks")


def start(port, hosts, seconds, rounds):
    """Starts the burners; they end by themselves. Answers the process."""
    plan = {"port": port, "hosts": hosts, "seconds": seconds, "rounds": rounds}
    return processes.start([sys.executable, __file__, json.dumps(plan)])


def expected_sum(rounds):
    """What `work(rounds)` of `handlers/burn.js` is."""
    total = 0
    for number in range(rounds):
        total = (total * 31 + number) & 0xFFFFFFFF
    return total


def _keep_burning(port, host, number, ends, rounds, wrong):
    try:
        connection = client.Connection(port)
        turn = number
        while time.monotonic() < ends:
            turn += 1
            if number % 2 == 0:
                answer = connection.get(host, ENDLESS[turn % len(ENDLESS)])
            else:
                answer = connection.get(host, f"/rounds?n={rounds[0]}")
            good = answer.status == 200 and answer.body == str(rounds[1]).encode()
            cut = answer.headers.get("isolane-outcome") == "exceededCpu" and answer.status == 503
            if not (good or cut):
                wrong.append(f"{host}: {answer.status} {answer.body[:200]!r}")
    except (OSError, client.Wrong) as error:
        wrong.append(f"{host}: {error!r}")


def _run(plan):
    ends = time.monotonic() + plan["seconds"]
    wrong = []
    threads = [
        threading.Thread(
            target=_keep_burning,
            args=(plan["port"], host, number, ends, plan["rounds"], wrong),
        )
        for number, host in enumerate(plan["hosts"])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(_run(json.loads(sys.argv[1])))
