"""Memory per idle worker, and what is left of it after eviction."""

import statistics
import time

from harness import bundles, client, procfs
from harness.figures import progress, table
from harness.node import Node, host
from harness.rest import ISOLATE_IDLE_S

_REST_S = 10
# The limit of isolates of the node whose workers are evicted as fast as they are loaded.
_FEW = 16
_MIB = 1 << 20


def run(options):
    """Measures one node at rest after each step, then one that keeps few isolates."""
    steps = (1, 100) if options.quick else (1, 100, 1000)
    workers = [bundles.small(f"m-{number}") for number in range(steps[-1])]
    results = {"rest_s": _REST_S}
    rows = []
    with Node(options.isolane, workers[:1]) as node:
        results["base, 1 deployed"] = _note(rows, "no request yet, 1 deployed", _at_rest(node))
    with Node(options.isolane, workers, limits={"isolates": steps[-1] + 100}) as node:
        base = _at_rest(node)
        results["base"] = _note(rows, f"no request yet, {steps[-1]} deployed", base)
        done = 0
        for step in steps:
            _call_each(node, workers[done:step])
            done = step
            memory = _at_rest(node)
            results[f"workers_{step}"] = _note(rows, f"{step} idle workers", memory, base, step)
        if options.wait_idle:
            progress("memory: waiting until idle isolates are evicted, eleven minutes")
            time.sleep(ISOLATE_IDLE_S + 60)
            results["evicted_idle"] = _note(rows, "all evicted, idle", _at_rest(node), base)
            _call_each(node, workers[:1])
    with Node(options.isolane, workers, limits={"isolates": _FEW}) as node:
        base = _at_rest(node)
        for turn in range(1, 3):
            _call_each(node, workers)
            title = f"{steps[-1] * turn} loaded in turn, {_FEW} kept"
            results[f"evicted_turn_{turn}"] = _note(rows, title, _at_rest(node), base)
    header = ["state", "RSS MiB", "PSS MiB", "over base", "RSS per worker", "PSS per worker"]
    table(f"memory after {_REST_S} s of rest", header, rows)
    return results


def _call_each(node, workers):
    with node.connect() as connection:
        for number, worker in enumerate(workers):
            answer = connection.get(host(worker.name))
            client.expect(answer, bundles.answer(worker.name), what=worker.name)
            if number % 100 == 99:
                progress(f"memory: {number + 1} workers called")


def _at_rest(node):
    """The median of readings over the time of rest, which begins with as much time unread."""
    time.sleep(_REST_S)
    readings = []
    for _ in range(5):
        readings.append(procfs.memory_bytes(node.pid))
        time.sleep(0.2)
    return {key: statistics.median(reading[key] for reading in readings) for key in readings[0]}


def _note(rows, title, memory, base=None, workers=None):
    figures = {f"{key}_bytes": value for key, value in memory.items()}
    cells = [f"{memory['rss'] / _MIB:.1f}", f"{memory['pss'] / _MIB:.1f}"]
    if base:
        figures["over_base_bytes"] = memory["rss"] - base["rss"]
        cells.append(f"{figures['over_base_bytes'] / _MIB:.1f}")
    if workers:
        for key in ("rss", "pss"):
            figures[f"{key}_per_worker_bytes"] = (memory[key] - base[key]) / workers
            cells.append(f"{figures[f'{key}_per_worker_bytes'] / _MIB:.2f}")
    progress(f"memory: {title}: {cells[0]} MiB")
    rows.append([title, *cells, *[""] * (5 - len(cells))])
    return figures
