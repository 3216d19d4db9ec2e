#!/usr/bin/env python3
"""Mixed traffic against one node for minutes: does it stay right, alive, small? See README.md."""

import argparse
import asyncio
import pathlib
import shutil
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import figures, node, processes, procfs
from traffic import checks
from traffic.actors import Actors, workers
from traffic.samples import MOST_RSS_BYTES, SHORTEST_JUDGED_S, Samples, show
from traffic.tally import Tally

SAMPLE_EVERY_S = 5.0
SHOW_EVERY_S = 30.0
# Far above what any exchange takes on a loaded machine: what takes longer is stuck.
STUCK_AFTER_S = 60.0
# Fewer than there are workers, so that isolates are evicted all the time.
ISOLATES = 20
LOG = "warn,isolane::console=info"


def main():
    """Runs the soak; answers the exit code."""
    options = _arguments()
    processes.install()
    if not options.isolane.is_file():
        sys.exit(f"there is no {options.isolane}: build it or give --isolane PATH")
    if not shutil.which("h2load"):
        sys.exit("missing: h2load (Debian package nghttp2-client)")
    limits = {"isolates": ISOLATES, "shutdown_timeout_s": 20}
    with node.Node(options.isolane, workers(), limits=limits, log=LOG) as running:
        return asyncio.run(_soak(running, options))


async def _soak(running, options):
    tally = Tally()
    actors = Actors(running.port, tally, options.seed)
    names = [worker.name for worker in workers()]
    started_at = procfs.started_at(running.pid)
    before = procfs.descriptors(running.pid)
    samples = Samples(running)
    print(f"seed {options.seed}, {len(names)} workers, {ISOLATES} isolates, pid {running.pid}")
    await _traffic(running, actors, tally, samples, options)

    results = {}
    results["the same process is alive"] = checks.same_process(running, started_at)
    results["every exchange was right, none was stuck"] = checks.exchanges(tally)
    if running.is_alive:
        answers = await checks.every_worker_answers(actors, names, STUCK_AFTER_S)
        results["every worker answers"] = answers
        left = await checks.no_connection_is_left(running, before)
        results["no connection is left"] = left
        stopped = running.stop()
        results["no event is left"] = checks.stops_at_once(*stopped)
    results["the log has no fault of the node"] = checks.log_is_clean(running, tally)
    results["memory is bounded"] = checks.memory_is_bounded(samples)
    return _report(results, tally, samples, options)


async def _traffic(running, actors, tally, samples, options):
    """All actors at once, and a sample now and then, until the time is over."""
    ends = time.monotonic() + options.minutes * 60
    too_large = False

    def goes_on():
        return time.monotonic() < ends and running.is_alive and not too_large

    async def act(kind, exchange, pause_s):
        while goes_on():
            if not await tally.attempt(kind, exchange(), STUCK_AFTER_S):
                # A fault that comes at once must not become thousands of them.
                await asyncio.sleep(0.1)
            await asyncio.sleep(pause_s)

    acting = [
        asyncio.ensure_future(act(kind, exchange, pause_s))
        for kind, exchange, copies, pause_s in actors.all()
        if not options.only or kind in options.only
        for _ in range(copies)
    ]
    shown = -SHOW_EVERY_S
    while goes_on():
        sample = samples.take(sum(tally.done.values()))
        if sample.rss_bytes > MOST_RSS_BYTES:
            too_large = True
            figures.progress(f"{show(sample)}  too much memory: the traffic ends")
        if sample.at_s - shown >= SHOW_EVERY_S:
            shown = sample.at_s
            figures.progress(f"{show(sample)}  faults {sum(tally.faults.values())}")
        await asyncio.sleep(min(SAMPLE_EVERY_S, max(0.0, ends - time.monotonic())))
    await asyncio.gather(*acting)


def _report(results, tally, samples, options):
    header = ["exchange", "good", "faults"]
    kinds = sorted({*tally.done, *tally.faults})
    figures.table("exchanges", header, [[it, tally.done[it], tally.faults[it]] for it in kinds])
    for example in tally.examples:
        print(f"  {example}")
    print("\nRSS over time")
    print("\n".join(samples.curve()))
    growth = samples.growth()
    if growth is None:
        print(f"(growth is judged in runs of {SHORTEST_JUDGED_S // 60} minutes and more)")
    else:
        before, after, most = (value / (1 << 20) for value in growth)
        print(f"minutes 2 to 4: {before:.1f} MiB; last two: {after:.1f}; allowed: {most:.1f}")
    print("\nchecks")
    for name, wrong in results.items():
        print(f"  {'FAILED' if wrong else 'ok    '} {name}{': ' + wrong if wrong else ''}")
    if options.json:
        saved = {"minutes": options.minutes, "seed": options.seed, "checks": results}
        saved |= {"good": tally.done, "faults": tally.faults, "examples": tally.examples}
        figures.save(options.json, saved | {"samples": samples.as_json()})
    return 1 if any(results.values()) else 0


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--isolane", type=pathlib.Path, default=node.find_isolane(), metavar="PATH")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1, help="of what is chosen by chance")
    parser.add_argument(
        "--only", action="append", metavar="KIND", help="one kind of exchange alone; repeatable"
    )
    parser.add_argument("--json", metavar="FILE", help="write the results to this file")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
