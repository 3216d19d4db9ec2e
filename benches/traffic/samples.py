"""The node's figures over time, and whether its memory grows."""

import statistics
import time
from dataclasses import asdict, dataclass

from harness import procfs

_MIB = 1 << 20
# The first minutes fill caches and pools: what counts is what comes after them.
_FIRST_S = (120, 240)
_LAST_S = 120
# Far above what twenty isolates and the traffic need. The soak ends there, so that it does not
# take the machine down with it.
MOST_RSS_BYTES = 4 << 30
SHORTEST_JUDGED_S = _FIRST_S[1] + _LAST_S
# RSS moves with what is in flight at the moment, uploads above all.
_TOLERANCE = 0.10
_TOLERANCE_BYTES = 16 * _MIB


@dataclass
class Sample:
    """The process at one moment."""

    at_s: float
    rss_bytes: int
    descriptors: int
    threads: int
    connections: int
    cpu_s: float
    requests: int


class Samples:
    """All samples of a run."""

    def __init__(self, node):
        self._node = node
        self._began = time.monotonic()
        self.taken = []

    def take(self, requests):
        """Takes one; answers it."""
        pid = self._node.pid
        sample = Sample(
            at_s=round(time.monotonic() - self._began, 1),
            rss_bytes=procfs.rss_bytes(pid),
            descriptors=sum(procfs.descriptors(pid).values()),
            threads=procfs.thread_count(pid),
            connections=sum(procfs.connections(pid, self._node.port).values()),
            cpu_s=procfs.cpu_s(pid),
            requests=requests,
        )
        self.taken.append(sample)
        return sample

    def growth(self):
        """`(median of the first window, of the last, the most that is allowed)`, in bytes; `None`
        where the run was too short to tell."""
        if not self.taken or self.taken[-1].at_s < SHORTEST_JUDGED_S - 10:
            return None
        first = [it.rss_bytes for it in self.taken if _FIRST_S[0] <= it.at_s < _FIRST_S[1]]
        last = [it.rss_bytes for it in self.taken if it.at_s >= self.taken[-1].at_s - _LAST_S]
        before, after = statistics.median(first), statistics.median(last)
        return before, after, before * (1 + _TOLERANCE) + _TOLERANCE_BYTES

    def curve(self, lines=30):
        """RSS over time as lines of text, each the median of its part of the run."""
        size = max(1, -(-len(self.taken) // lines))
        parts = [self.taken[start : start + size] for start in range(0, len(self.taken), size)]
        medians = [statistics.median(it.rss_bytes for it in part) for part in parts]
        top = max(medians)
        return [
            f"{part[0].at_s:7.0f} s {median / _MIB:8.1f} MiB {'#' * round(50 * median / top)}"
            for part, median in zip(parts, medians)
        ]

    def as_json(self):
        """The samples as plain values."""
        return [asdict(sample) for sample in self.taken]


def show(sample):
    """A sample in one line."""
    return (
        f"{sample.at_s:6.0f} s  RSS {sample.rss_bytes / _MIB:7.1f} MiB  "
        f"descriptors {sample.descriptors:4}  threads {sample.threads:3}  "
        f"connections {sample.connections:4}  exchanges {sample.requests}"
    )
