"""What the actors of the soak have seen: counts, and what was wrong."""

import asyncio
import time
from collections import Counter

_SHOWN = 20


class Unexpected(Exception):
    """An answer is not what it has to be."""


class Tally:
    """Counts by kind of request, faults with their first examples, promises of `waitUntil`."""

    def __init__(self):
        self.done = Counter()
        self.faults = Counter()
        self.examples = []
        self.stuck = 0
        self.promised = set()
        self._next_promise = 0

    def promise(self):
        """A number for a `waitUntil` that has to show up in the log."""
        self._next_promise += 1
        return self._next_promise

    async def attempt(self, kind, coroutine, timeout_s):
        """Runs one exchange and counts a fault of it; answers whether it was good."""
        try:
            await asyncio.wait_for(coroutine, timeout_s)
        except asyncio.TimeoutError:
            self.stuck += 1
            self._fault(kind, f"no end within {timeout_s} s")
        except (Unexpected, OSError, ValueError, IndexError, EOFError, RuntimeError) as error:
            self._fault(kind, f"{type(error).__name__}: {error}")
        except asyncio.LimitOverrunError as error:
            self._fault(kind, repr(error))
        else:
            self.done[kind] += 1
            return True
        return False

    def _fault(self, kind, text):
        self.faults[kind] += 1
        if len(self.examples) < _SHOWN:
            self.examples.append(f"{time.strftime('%H:%M:%S')} {kind}: {text}")


def expect(condition, answer, what):
    """Raises unless the condition holds."""
    if not condition:
        raise Unexpected(f"{what}: {answer.failure} {answer.length} bytes {answer.text[:200]!r}")
