"""SIGINT and SIGTERM as requests to come to an end sooner, for a script that has figures to show by then.
Not here: a script that a signal ends at once (`processes.install`)."""

import asyncio
import signal
import sys

from . import figures

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruptions:
    """The signals that came while it was entered, which a coroutine does. A third one ends the script.

    `notes` are what to say of the first and of the second.
    """

    def __init__(self, notes):
        self.once = asyncio.Event()
        self.twice = asyncio.Event()
        self.count = 0
        self.first = None
        self._notes = notes
        self._loop = asyncio.get_running_loop()
        self._before = {}

    def __enter__(self):
        self._before = {number: signal.signal(number, self._take) for number in _SIGNALS}
        return self

    def __exit__(self, *_error):
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _take(self, number, _frame):
        self.count += 1
        if self.count > len(self._notes):
            sys.exit(128 + number)
        self.first = self.first or signal.Signals(number).name
        self._loop.call_soon_threadsafe(self._tell, self.count)

    def _tell(self, count):
        (self.once if count == 1 else self.twice).set()
        figures.progress(self._notes[count - 1])


async def until(event, seconds):
    """Waits for an `asyncio.Event`, at most so long."""
    try:
        await asyncio.wait_for(event.wait(), max(0.0, seconds))
    except asyncio.TimeoutError:
        pass
