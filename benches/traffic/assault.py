"""The clients of the siege's attackers, as a process of its own, so that the quiet requests are not measured
waiting for them. At low priority, as are other hogs' clients. Runs until it is told to end."""

import asyncio
import json
import os
import sys

if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from harness import processes
from harness.node import host
from traffic import attackers
from traffic.http import Link
from traffic.intruders import Intruders

CLIENTS = "clients"
_TIMEOUT_S = 60.0


def start(port, admin_port, stall_port, groups):
    """Starts all attacks of the groups, again and again. Answers the process."""
    plan = {"port": port, "admin_port": admin_port, "stall_port": stall_port, "groups": groups}
    return processes.start([sys.executable, __file__, json.dumps(plan)])


async def _run(port, admin_port, stall_port, groups):
    stalling = await asyncio.start_server(_stall, "127.0.0.1", stall_port)

    async def again(act):
        while True:
            try:
                await asyncio.wait_for(act(), _TIMEOUT_S)
            except (OSError, EOFError, ValueError, IndexError, asyncio.TimeoutError):
                pass
            except asyncio.LimitOverrunError:
                pass
            await asyncio.sleep(0.01)

    def ask(name):
        async def act():
            link = await Link.open(port)
            try:
                await link.get(host(name), "/")
            finally:
                link.abort(False)

        return act

    actors = []
    for name, clients in attackers.asked(groups):
        actors += [again(ask(name)) for _ in range(clients)]
    if CLIENTS in groups:
        for _, act, copies in Intruders(port, admin_port, "large").all():
            actors += [again(act) for _ in range(copies)]
    async with stalling:
        await asyncio.gather(*actors)


async def _stall(reader, writer):
    """A server that reads and says nothing."""
    try:
        while await reader.read(65536):
            pass
    except OSError:
        pass
    finally:
        writer.close()


if __name__ == "__main__":
    processes.step_back()
    asyncio.run(_run(**json.loads(sys.argv[1])))
