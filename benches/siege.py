#!/usr/bin/env python3
"""Ten quiet workers beside workers and clients that attack their node: is every quiet request
answered, how much later, and does the node come back to what it was? See README.md."""

import argparse
import asyncio
import itertools
import pathlib
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import figures, node, openloop, processes, procfs
from harness.interruptions import Interruptions, until
from harness.node import Worker, handler
from harness.rest import GIVEN_BACK_S, TAKEOVER_AT_REST_S
from harness.sampler import Sampler, figures_of
from traffic import assault, attackers
from traffic.assault import CLIENTS
from traffic.visits import Visits

QUIET = [f"quiet-{number}" for number in range(10)]
# By then a node has the isolates that its quiet traffic needs: its memory is what it comes back to.
IDLE_S = 60.0
MINUTE_S = 60.0
# The last figures of an attack are waited for no longer.
LAST_FIGURES_S = 10.0
LATENCIES = ("p50_ms", "p99_ms", "p99.9_ms", "max_ms")
HEADER = ["attack", "asked", "failed", "p50 ms", "p99", "p99.9", "max", "p99 / idle"]
HEADER += ["RSS MiB", "largest", "threads", "maps", "descriptors"]


def main():
    """Runs the siege; answers the exit code."""
    options = _arguments()
    processes.install()
    if not options.isolane.is_file():
        sys.exit(f"there is no {options.isolane}: build it or give --isolane PATH")
    figures.progress(f"the quiet clients' priority: {openloop.urgent()}")
    return asyncio.run(_siege(options))


async def _siege(options):
    groups = options.only or [*attackers.GROUPS, CLIENTS]
    rounds = [[group] for group in groups] if options.apart else [groups]
    results = []
    notes = [
        f"interrupted: no further attack; {options.settle:.0f} s of rest, which a second one leaves out",
        "interrupted twice: no rest, a third one ends this at once",
    ]

    def save():
        """Writes what there is so far."""
        if options.json:
            saved = {"minutes": options.minutes, "is_running": True, "rounds": results}
            try:
                figures.save(options.json, saved)
            except OSError as error:
                figures.progress(f"{options.json} is not written: {error}")

    with Interruptions(notes) as interruptions:
        for attacking in rounds:
            if interruptions.count:
                break
            results.append({"groups": attacking, "faults": []})
            await _round(results[-1], options, interruptions, save)
    cut_short = _cut_short(interruptions, results, len(rounds), options)
    return _report(results, cut_short, options)


def _report(results, cut_short, options):
    rows = [row for result in results for row in _rows(result)]
    figures.table("ten quiet workers, and the node's figures", HEADER, rows)
    if cut_short:
        print(f"CUT SHORT {cut_short}")
    faults = [fault for result in results for fault in result["faults"]]
    for fault in faults:
        print(f"FAILED {fault}")
    for result in results:
        for failure in result.get("attacked", {}).get("failures", []):
            print(f"  {failure}")
    if options.json:
        saved = {"minutes": options.minutes, "is_running": False, "cut_short": cut_short}
        figures.save(options.json, saved | {"rounds": results})
    return 1 if faults or cut_short else 0


async def _round(result, options, interruptions, save):
    """One node: idle, under attack by the groups, and at rest again."""
    groups = result["groups"]
    name = "+".join(groups)
    admin_port, stall_port = node.free_port(), node.free_port()
    quiet = [Worker(it, handler("name.js").replace("NAME", it)) for it in QUIET]
    large = [Worker("large", handler("large.js"))]
    workers = quiet + large + attackers.workers(groups, stall_port)
    sections = ["[admin]", f'address = "127.0.0.1:{admin_port}"']
    sections += ["[outbound]", 'allow = ["127.0.0.0/8"]']
    limits = {"shutdown_timeout_s": 5}
    log = node.TELLS_TAKEOVERS
    with node.Node(options.isolane, workers, limits=limits, log=log, sections=sections) as running:
        started_at = procfs.started_at(running.pid)
        result["idle"] = await _quiet(running, IDLE_S, interruptions.once)
        result["before"] = figures_of(running.supervisor_pid)
        figures.progress(f"{name}: idle, {_show(result['idle'])}")
        save()
        if interruptions.count:
            return
        sampler = await Sampler.start(running.supervisor_pid)
        attack = assault.start(running.port, admin_port, stall_port, groups)
        await _attacked(result, running, sampler, options, interruptions, save)
        if attack.poll() is not None:
            result["faults"].append(f"{name}: the attackers' process has ended")
        processes.stop(attack)
        sampler.stop()
        figures.progress(f"{name}: attacked, {_show(result['attacked'])}")
        save()
        began, ended_at = time.monotonic(), time.time()
        await until(interruptions.twice, options.settle)
        result["rested_s"] = time.monotonic() - began
        # By their times from the end of the attack on, so that those at rest are the later ones.
        result["takeovers"] = [(at - ended_at, reason) for at, reason in running.takeovers()]
        result["faults"] += _judge(name, running, started_at, result)
        if running.is_alive and interruptions.count < 2:
            result["rest"] = await _quiet(running, IDLE_S, interruptions.twice)
            result["after"] = figures_of(running.supervisor_pid)
        save()


async def _attacked(result, running, sampler, options, interruptions, save):
    """The quiet requests of an attack, and the node's figures in each minute of it."""
    visits = Visits(QUIET, running.port)
    watching = asyncio.ensure_future(_each_minute(result, visits, sampler, save))
    await visits.go_on(options.minutes * MINUTE_S, interruptions.once)
    result["attacked_s"] = time.monotonic() - visits.began
    try:
        await asyncio.wait_for(watching, LAST_FIGURES_S)
    except asyncio.TimeoutError:
        pass
    result["during"] = figures_of(running.supervisor_pid) if running.is_alive else None
    result["attacked"] = visits.measured()
    sampled = [*result["each_minute"], result["during"] or {}]
    sizes = [sample["rss_mib"] for sample in sampled if "rss_mib" in sample]
    result["largest_rss_mib"] = max(sizes, default=None)


async def _each_minute(result, visits, sampler, save):
    """Tells and saves, each minute of an attack, what it has been like."""
    result["each_minute"] = []
    seen = 0
    for minute in itertools.count(1):
        ends = visits.began + minute * MINUTE_S
        await until(visits.over, ends - time.monotonic())
        if visits.over.is_set() and time.monotonic() < ends:
            return
        latest = visits.latencies_ms[seen:]
        seen += len(latest)
        sample = {"minute": minute, "asked": seen, "failed": len(visits.failures)}
        sample["p99_ms"] = figures.percentile(latest, 0.99) if latest else None
        sample |= await sampler.take() or {}
        result["each_minute"].append(sample)
        figures.progress(_show_minute(sample))
        result["attacked"] = {"asked": seen, "failures": visits.failures}
        save()


def _judge(name, running, started_at, result):
    if not running.is_alive:
        return [f"{name}: the process has ended, see {running.log_path}"]
    faults = []
    # One that it asked to take over, because of what it had lost, is as good.
    for at_s, reason in result["takeovers"]:
        figures.progress(f"{name}: {_show_time(at_s)} the end of the attack a process took over ({reason})")
    if procfs.started_at(running.pid) != started_at and not result["takeovers"]:
        faults.append(f"{name}: another process serves, and no takeover was logged")
    faults += [f"{name}: {crash}" for crash in running.crashes()]
    failed = result["attacked"]["failures"]
    if failed:
        faults.append(f"{name}: {len(failed)} quiet requests failed, such as {failed[0]}")
    return faults


async def _quiet(running, seconds, stop):
    """Asks the quiet workers over and over; answers latencies and failures."""
    visits = Visits(QUIET, running.port)
    await visits.go_on(seconds, stop)
    return visits.measured()


def _cut_short(interruptions, results, rounds, options):
    """What an interruption has left out, or nothing."""
    if not interruptions.count:
        return None
    told = f"by {interruptions.first}"
    if not results:
        return f"{told} before the first of {rounds} rounds"
    last = results[-1]
    attacked, rested = last.get("attacked_s", 0.0) / MINUTE_S, last.get("rested_s", 0.0)
    return (
        f"{told} in round {len(results)} of {rounds}: {attacked:.1f} of {options.minutes:g} minutes of "
        f"attack, {rested:.0f} of {options.settle:.0f} s of rest"
    )


def _rows(result):
    idle = result.get("idle", {}).get("p99_ms")
    name = "+".join(result["groups"])
    rows = []
    for label, phase, state in (
        ("idle", "idle", "before"),
        (name, "attacked", "during"),
        ("after it", "rest", "after"),
    ):
        measured, process = result.get(phase), result.get(state)
        if not measured:
            continue
        row = [label, measured["asked"], len(measured["failures"])]
        row += [_cell(measured.get(key), 2) for key in LATENCIES]
        p99 = measured.get("p99_ms")
        row.append(_cell(p99 / idle if p99 and idle else None, 1))
        cells = [_cell(value, 0) for value in process.values()] if process else ["-"] * 4
        largest = _cell(result.get("largest_rss_mib") if phase == "attacked" else None, 0)
        rows.append([*row, cells[0], largest, *cells[1:]])
    return rows


def _cell(value, digits):
    return "-" if value is None else f"{value:.{digits}f}"


def _show(measured):
    failed, asked = len(measured["failures"]), measured["asked"]
    return f"p99 {_cell(measured.get('p99_ms'), 1)} ms, {failed} of {asked} failed"


def _show_time(seconds):
    return f"{abs(seconds):.0f} s {'before' if seconds < 0 else 'after'}"


def _show_minute(sample):
    def cell(key, digits=0):
        return _cell(sample.get(key), digits)

    return (
        f"  minute {sample['minute']:3}  asked {sample['asked']:7}  failed {sample['failed']:3}  "
        f"p99 {cell('p99_ms', 1):>6} ms  RSS {cell('rss_mib'):>5} MiB  threads {cell('threads'):>3}  "
        f"maps {cell('maps'):>5}  descriptors {cell('descriptors'):>4}"
    )


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--isolane", type=pathlib.Path, default=node.find_isolane(), metavar="PATH")
    parser.add_argument("--minutes", type=float, default=1.0, help="how long each round attacks")
    parser.add_argument(
        "--settle",
        type=float,
        default=GIVEN_BACK_S,
        help="seconds of rest after an attack (default: %(default)s, by when a node has given back what it "
        "promises to: idle isolates go after ten minutes, and a takeover at rest may have to wait for as long "
        f"after an earlier one; one that need not is over after {TAKEOVER_AT_REST_S})",
    )
    known = [*attackers.GROUPS, CLIENTS]
    parser.add_argument("--only", action="append", choices=known, help="a group alone; repeatable")
    parser.add_argument("--apart", action="store_true", help="a node and a round for each group")
    parser.add_argument(
        "--json", metavar="FILE", help="write the results to this file, anew each minute of an attack"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
