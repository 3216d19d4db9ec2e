"""A node's memory, threads, mappings and descriptors, also by a process of its own: who reads the list of
mappings waits for threads of the node, and who measures latencies has no time for that."""

import asyncio
import json
import os
import subprocess
import sys

if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from harness import processes, procfs

_MIB = 1 << 20


def figures_of(supervisor_pid):
    """The figures of the process that serves at the moment; `None` where it has just ended."""
    try:
        pid = procfs.node_of(supervisor_pid)
        return {
            "rss_mib": procfs.rss_bytes(pid) / _MIB,
            "threads": procfs.thread_count(pid),
            "maps": procfs.mapping_count(pid),
            "descriptors": sum(procfs.descriptors(pid).values()),
        }
    except (FileNotFoundError, ProcessLookupError):
        return None


class Sampler:
    """A process that reads these figures whenever it is asked to."""

    def __init__(self, child, reader, transport):
        self._child = child
        self._reader = reader
        self._transport = transport

    @classmethod
    async def start(cls, supervisor_pid):
        """Starts it. To be stopped with `stop`."""
        command = [sys.executable, __file__, str(supervisor_pid)]
        child = processes.start(command, source=subprocess.PIPE, output=subprocess.PIPE)
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(lambda: protocol, child.stdout)
        return cls(child, reader, transport)

    async def take(self):
        """The figures of now, as `figures_of`; `None` also where the sampler has ended."""
        try:
            self._child.stdin.write(b"\n")
            self._child.stdin.flush()
            return json.loads(await self._reader.readline())
        except (OSError, ValueError):
            return None

    def stop(self):
        """Ends the process."""
        self._transport.close()
        try:
            self._child.stdin.close()
        except OSError:
            pass
        processes.stop(self._child)


def _answer(supervisor_pid):
    for _ in sys.stdin:
        print(json.dumps(figures_of(supervisor_pid)), flush=True)


if __name__ == "__main__":
    _answer(int(sys.argv[1]))
