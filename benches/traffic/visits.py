"""The clients of the siege's quiet workers: what they saw, and how long they waited. Not here: clients that
attack (`assault.py`)."""

import asyncio
import time

from harness import figures
from harness.node import host
from traffic.http import Link

# A quiet worker is asked so often.
_PAUSE_S = 0.02
# What takes longer than any quiet request takes on a loaded machine is a failure.
_FAILED_AFTER_S = 10.0


class Visits:
    """One client for each worker, from the moment this is made. A worker answers with its name."""

    def __init__(self, names, port):
        self.began = time.monotonic()
        self.over = asyncio.Event()
        self.latencies_ms = []
        self.failures = []
        self._names = names
        self._port = port

    async def go_on(self, seconds, stop):
        """Asks over and over until the time is over or `stop` is set."""
        ends = self.began + seconds

        def goes_on():
            return time.monotonic() < ends and not stop.is_set()

        await asyncio.gather(*(self._ask_again(name, goes_on) for name in self._names))
        self.over.set()

    def measured(self):
        """Latencies in milliseconds, and failures."""
        latencies = figures.distribution(self.latencies_ms, (0.5, 0.99, 0.999), "_ms")
        return {**latencies, "asked": len(self.latencies_ms), "failures": self.failures}

    async def _ask_again(self, name, goes_on):
        link = None
        while goes_on():
            began = time.monotonic()
            is_reused = link is not None
            try:
                link = link or await asyncio.wait_for(Link.open(self._port), _FAILED_AFTER_S)
                answer = await asyncio.wait_for(link.get(host(name), "/"), _FAILED_AFTER_S)
                if answer.status != 200 or answer.text != name.encode():
                    self._fail(name, began, f"{answer.failure} {answer.text[:100]!r}")
                if answer.headers.get("connection") == "close":
                    # Another process takes over.
                    await link.close()
                    link = None
            except (OSError, EOFError, asyncio.TimeoutError) as error:
                if is_reused and isinstance(error, (EOFError, ConnectionError)):
                    # Closed while the request was on its way: a client asks again (RFC 9112, 9.3.1).
                    link = None
                    continue
                self._fail(name, began, repr(error))
                link = None
            self.latencies_ms.append((time.monotonic() - began) * 1e3)
            await asyncio.sleep(_PAUSE_S)
        if link:
            await link.close()

    def _fail(self, name, began, what):
        self.failures.append(f"{name}, asked after {began - self.began:.1f} s: {what}")
