"""What has to be true at the end of a soak. Each check answers what is wrong, or nothing."""

import asyncio
import json
import re
import time

from harness import procfs

from .samples import MOST_RSS_BYTES

_SETTLE_S = 15.0
_STOP_S = 5.0
_MIB = 1 << 20


def same_process(node, started_at):
    """The process that was started is the one that runs."""
    if not node.is_alive:
        return "the process has ended"
    if procfs.started_at(node.pid) != started_at:
        return "the process is another one"
    return None


def exchanges(tally):
    """Every exchange ended, and as it had to."""
    if not tally.faults:
        return None
    counts = ", ".join(f"{kind}: {count}" for kind, count in sorted(tally.faults.items()))
    return f"{sum(tally.faults.values())} faults ({counts}), of which {tally.stuck} were stuck"


async def every_worker_answers(actors, names, timeout_s):
    """No worker was left broken by what it did."""
    silent = []
    for name in names:
        try:
            await asyncio.wait_for(actors.greet(name), timeout_s)
        except Exception as error:  # pylint: disable=broad-exception-caught
            silent.append(f"{name} ({error!r})")
    return f"workers that do not answer: {'; '.join(silent)}" if silent else None


async def no_connection_is_left(node, descriptors_before):
    """Once the clients are gone the node has no connection and no more descriptors than before."""
    ends = time.monotonic() + _SETTLE_S
    while True:
        left = procfs.connections(node.pid, node.port)
        now = procfs.descriptors(node.pid)
        more = {
            kind: count - descriptors_before.get(kind, 0)
            for kind, count in now.items()
            if count > descriptors_before.get(kind, 0)
        }
        if not left and not more:
            return None
        if time.monotonic() > ends:
            return f"after {_SETTLE_S:.0f} s: connections {left}, descriptors too many {more}"
        await asyncio.sleep(0.2)


def stops_at_once(code, took_s):
    """With no event left SIGTERM ends the process at once: it waits for events that run."""
    if code != 0 or took_s > _STOP_S:
        return f"SIGTERM took {took_s:.1f} s (at most {_STOP_S} expected), exit code {code}"
    return None


def memory_is_bounded(samples):
    """RSS at the end is about that of the first minutes after the warm-up."""
    greatest = max(sample.rss_bytes for sample in samples.taken)
    if greatest > MOST_RSS_BYTES:
        return f"RSS was {greatest / _MIB:.0f} MiB, which ended the soak"
    growth = samples.growth()
    if growth is None or growth[1] <= growth[2]:
        return None
    before, after, most = (value / _MIB for value in growth)
    return f"RSS grew from {before:.1f} to {after:.1f} MiB, at most {most:.1f} are allowed"


def log_is_clean(node, tally):
    """The log has no panic, no fault of the node's own, and each `waitUntil` that was promised."""
    wrong, kept = [], set()
    with open(node.log_path, encoding="utf-8", errors="replace") as file:
        for text in file:
            try:
                line = json.loads(text)
            except ValueError:
                wrong.append(text.strip())
                continue
            later = re.match(r"later (\d+)$", line.get("message", ""))
            if later:
                kept.add(int(later[1]))
            elif line.get("outcome") == "internalError" or line.get("level") == "ERROR":
                wrong.append(text.strip())
    missing = tally.promised - kept
    faults = []
    if wrong:
        faults.append(f"{len(wrong)} lines in the log, such as {wrong[0][:500]}")
    if missing:
        faults.append(f"{len(missing)} of {len(tally.promised)} waitUntil promises were not kept")
    return "; ".join(faults) or None
