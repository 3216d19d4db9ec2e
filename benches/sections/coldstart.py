"""The time of a cold start: the first request to a worker against the next ones."""

import gc
import statistics
import threading
import time

from harness import bundles, client, load, processes
from harness.figures import distribution, progress, table
from harness.node import Node, host

# Long enough for a shard to make a spare again, which takes some 10 ms once it is quiet.
_PAUSE_S = 0.15
_WARM_REQUESTS = 5
_BURST = 16
# Spares are made with the default limit of 128 MiB: a worker with another one never gets a spare.
_NO_SPARE = {"memory_mb": 127}


def run(options):
    """Measures each way twice: with an empty code cache, and after a restart of the node."""
    count = 30 if options.quick else 200
    bursts = 2 if options.quick else 10
    large = 6 if options.quick else 30
    groups = {
        "small, spare at hand": [bundles.small(f"s-{n}") for n in range(count)],
        "small, no spare": [bundles.small(f"n-{n}", **_NO_SPARE) for n in range(count)],
        f"small, {_BURST} at once": [bundles.small(f"b-{n}") for n in range(_BURST * bursts)],
        "small, spare, half load": [bundles.small(f"h-{n}") for n in range(count)],
        "500 KB, spare at hand": [bundles.large(f"l-{n}") for n in range(large)],
        "500 KB, no spare": [bundles.large(f"m-{n}", **_NO_SPARE) for n in range(large)],
    }
    workers = [worker for group in groups.values() for worker in group]
    workers.append(bundles.small("load"))
    folder = processes.scratch()
    results, rows = {}, []
    for cache in ("no code cache", "code cache"):
        with Node(options.isolane, workers, folder=folder) as node:
            for name, group in groups.items():
                progress(f"coldstart: {name}, {cache}: {len(group)} workers")
                time.sleep(_PAUSE_S * 4)
                samples = _measure(node, name, group, options)
                results[f"{name}, {cache}"] = _figures(samples)
                rows.append([f"{name}, {cache}", *_cells(results[f"{name}, {cache}"])])
            # The code cache is written after the first answers: the restart is to find it.
            time.sleep(1.0)
    header = ["first request", "n", "p50 ms", "p99 ms", "max", "warm p50", "over warm p50", "p99"]
    table("cold starts, request in to first byte out, as the client sees them", header, rows)
    return results


def _measure(node, name, group, options):
    if "at once" in name:
        bursts = [group[start : start + _BURST] for start in range(0, len(group), _BURST)]
        return [sample for burst in bursts for sample in _burst(node, burst)]
    if "half load" in name:
        return _half_loaded(node, group, options)
    return _one_by_one(node, group)


def _one_by_one(node, group):
    gc.disable()
    try:
        with node.connect() as connection:
            return [_first_and_warm(connection, worker.name) for worker in group]
    finally:
        gc.enable()


def _first_and_warm(connection, name):
    time.sleep(_PAUSE_S)
    first = _get(connection, name)
    warm = [_get(connection, name) for _ in range(_WARM_REQUESTS)]
    return first, statistics.median(warm)


def _get(connection, name):
    answer = client.expect(connection.get(host(name)), bundles.answer(name), what=name)
    return answer.first_byte_s


def _burst(node, burst):
    """Cold starts at the same moment: more than there are spares."""
    time.sleep(_PAUSE_S * 2)
    samples, errors = [], []
    barrier = threading.Barrier(len(burst))

    def cold(name):
        try:
            with node.connect() as connection:
                barrier.wait()
                first = _get(connection, name)
                barrier.wait()
                samples.append((first, min(_get(connection, name) for _ in range(_WARM_REQUESTS))))
        except (OSError, client.Wrong, threading.BrokenBarrierError) as error:
            errors.append(error)
            barrier.abort()

    threads = [threading.Thread(target=cold, args=(worker.name,)) for worker in burst]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise client.Wrong(f"in a burst of cold starts: {errors[0]!r}")
    return samples


def _half_loaded(node, group, options):
    """Cold starts while another worker gets half of the requests that it can serve."""
    seconds = 2 if options.quick else 5
    load_host = host("load")
    most = load.h2load(node.port, load_host, seconds=seconds, clients=16, h1=True)
    if most["failed"]:
        raise client.Wrong(f"the load has {most['failed']} failed requests")
    lasts_s = len(group) * (_PAUSE_S + 0.1) + 5
    figures = {}

    def keep_loading():
        rate = most["rps"] / 2
        figures.update(
            load.h2load(node.port, load_host, seconds=int(lasts_s), clients=16, rps=rate, h1=True)
        )

    thread = threading.Thread(target=keep_loading)
    thread.start()
    time.sleep(1.0)
    try:
        samples = _one_by_one(node, group)
        if not thread.is_alive():
            raise client.Wrong("the load ended before the cold starts")
    finally:
        thread.join()
    if figures.get("failed", 1):
        raise client.Wrong(f"the load failed: {figures}")
    progress(f"coldstart: the load was {figures['rps']:,.0f} of {most['rps']:,.0f} requests/s")
    return samples


def _figures(samples):
    first = [first * 1e3 for first, _ in samples]
    warm = [warm * 1e3 for _, warm in samples]
    over = [(first - warm) * 1e3 for first, warm in samples]
    parts = (0.5, 0.99)
    return {
        "first": distribution(first, parts, "_ms"),
        "warm": distribution(warm, parts, "_ms"),
        "over_warm": distribution(over, parts, "_ms"),
    }


def _cells(figures):
    first, warm, over = figures["first"], figures["warm"], figures["over_warm"]
    values = [first["p50_ms"], first["p99_ms"], first["max_ms"], warm["p50_ms"]]
    values += [over["p50_ms"], over["p99_ms"]]
    return [first["n"], *(f"{value:.2f}" for value in values)]
