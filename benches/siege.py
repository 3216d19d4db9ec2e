#!/usr/bin/env python3
"""Ten quiet workers beside workers and clients that attack their node: is every quiet request
answered, how much later, and does the node come back to what it was? See README.md."""

import argparse
import asyncio
import pathlib
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import figures, node, openloop, processes, procfs
from harness.node import Worker, handler, host
from traffic import assault, attackers
from traffic.assault import CLIENTS
from traffic.http import Link

QUIET = [f"quiet-{number}" for number in range(10)]
# A quiet worker is asked so often.
PAUSE_S = 0.02
# What takes longer than any quiet request takes on a loaded machine is a failure.
FAILED_AFTER_S = 10.0
# By then a node has the isolates that its quiet traffic needs: its memory is what it comes back to.
IDLE_S = 60.0
MIB = 1 << 20


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
    rows, faults, results = [], [], []
    for attacking in rounds:
        result = await _round(attacking, options)
        results.append(result)
        faults += result["faults"]
        rows += _rows(result)
    header = ["attack", "asked", "failed", "p50 ms", "p99", "max", "p99 / idle"]
    header += ["RSS MiB", "threads", "maps", "descriptors"]
    figures.table("ten quiet workers, and the node's figures", header, rows)
    for fault in faults:
        print(f"FAILED {fault}")
    for failure in [it for result in results for it in result["attacked"]["failures"]]:
        print(f"  {failure}")
    if options.json:
        figures.save(options.json, {"minutes": options.minutes, "rounds": results})
    return 1 if faults else 0


async def _round(groups, options):
    """One node: idle, under attack by the groups, and at rest again."""
    name = "+".join(groups)
    admin_port, stall_port = node.free_port(), node.free_port()
    quiet = [Worker(it, handler("name.js").replace("NAME", it)) for it in QUIET]
    large = [Worker("large", handler("large.js"))]
    workers = quiet + large + attackers.workers(groups, stall_port)
    sections = ["[admin]", f'address = "127.0.0.1:{admin_port}"']
    sections += ["[outbound]", 'allow = ["127.0.0.0/8"]']
    limits = {"shutdown_timeout_s": 5}
    with node.Node(options.isolane, workers, limits=limits, sections=sections) as running:
        started_at = procfs.started_at(running.pid)
        result = {"groups": groups, "faults": []}
        result["idle"] = await _quiet(running.port, IDLE_S)
        result["before"] = _figures(running)
        figures.progress(f"{name}: idle, {_show(result['idle'])}")
        attack = assault.start(running.port, admin_port, stall_port, groups)
        result["attacked"] = await _quiet(running.port, options.minutes * 60)
        result["during"] = _figures(running) if running.is_alive else None
        if attack.poll() is not None:
            result["faults"].append(f"{name}: the attackers' process has ended")
        processes.stop(attack)
        figures.progress(f"{name}: attacked, {_show(result['attacked'])}")
        await asyncio.sleep(options.settle)
        result["faults"] += _judge(name, running, started_at, result)
        if running.is_alive:
            result["rest"] = await _quiet(running.port, IDLE_S)
            result["after"] = _figures(running)
    return result


def _judge(name, running, started_at, result):
    if not running.is_alive:
        return [f"{name}: the process has ended, see {running.log_path}"]
    faults = []
    # One that it asked to take over, because of what it had lost, is as good.
    if procfs.started_at(running.pid) != started_at:
        figures.progress(f"{name}: another process has taken over")
    faults += [f"{name}: {crash}" for crash in running.crashes()]
    failed = result["attacked"]["failures"]
    if failed:
        faults.append(f"{name}: {len(failed)} quiet requests failed, such as {failed[0]}")
    return faults


async def _quiet(port, seconds):
    """Asks the quiet workers over and over; answers latencies and failures."""
    begins = time.monotonic()
    ends = begins + seconds
    latencies, failures = [], []

    def fail(name, began, what):
        failures.append(f"{name}, asked after {began - begins:.1f} s: {what}")

    async def ask(name):
        link = None
        while time.monotonic() < ends:
            began = time.monotonic()
            is_reused = link is not None
            try:
                link = link or await asyncio.wait_for(Link.open(port), FAILED_AFTER_S)
                answer = await asyncio.wait_for(link.get(host(name), "/"), FAILED_AFTER_S)
                if answer.status != 200 or answer.text != name.encode():
                    fail(name, began, f"{answer.failure} {answer.text[:100]!r}")
                if answer.headers.get("connection") == "close":
                    # Another process takes over.
                    await link.close()
                    link = None
            except (OSError, EOFError, asyncio.TimeoutError) as error:
                if is_reused and isinstance(error, (EOFError, ConnectionError)):
                    # Closed while the request was on its way: a client asks again (RFC 9112, 9.3.1).
                    link = None
                    continue
                fail(name, began, repr(error))
                link = None
            latencies.append((time.monotonic() - began) * 1e3)
            await asyncio.sleep(PAUSE_S)
        if link:
            await link.close()

    await asyncio.gather(*(ask(name) for name in QUIET))
    measured = figures.distribution(latencies, (0.5, 0.99), "_ms")
    return {**measured, "asked": len(latencies), "failures": failures}


def _figures(running):
    pid = running.pid
    return {
        "rss_mib": procfs.rss_bytes(pid) / MIB,
        "threads": procfs.thread_count(pid),
        "maps": procfs.mapping_count(pid),
        "descriptors": sum(procfs.descriptors(pid).values()),
    }


def _rows(result):
    idle = result["idle"]["p99_ms"]
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
        row += [f"{measured[key]:.2f}" for key in ("p50_ms", "p99_ms", "max_ms")]
        row.append(f"{measured['p99_ms'] / idle:.1f}")
        row += [f"{value:.0f}" for value in process.values()] if process else ["-"] * 4
        rows.append(row)
    return rows


def _show(measured):
    failed = len(measured["failures"])
    return f"p99 {measured['p99_ms']:.1f} ms, {failed} of {measured['asked']} failed"


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--isolane", type=pathlib.Path, default=node.find_isolane(), metavar="PATH")
    parser.add_argument("--minutes", type=float, default=1.0, help="how long each round attacks")
    # Time for what was evicted, quarantined or closed to be gone. Isolates stay for ten minutes.
    parser.add_argument("--settle", type=float, default=15.0, help="seconds of rest after an attack")
    known = [*attackers.GROUPS, CLIENTS]
    parser.add_argument("--only", action="append", choices=known, help="a group alone; repeatable")
    parser.add_argument("--apart", action="store_true", help="a node and a round for each group")
    parser.add_argument("--json", metavar="FILE", help="write the results to this file")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
