"""The latency of a quiet worker while nobody, one and sixteen others burn CPU."""

import time

from harness import burners, client, openloop
from harness.figures import distribution, progress, show_spread, spread, table
from harness.node import Node, Worker, handler, host

RATE_PER_S = 200
BURNERS = (0, 1, 16)
_PARTS = (0.5, 0.99, 0.999)
_CPU_MS = 50
# Below this limit, with room for a core that is shared.
_WORK_MS = 25
_SETTLE_S = 2.0


def run(options):
    """Measures by turns; answers the pooled distribution and the ratio to idle by rounds."""
    seconds = 4 if options.quick else 10
    workers = [Worker("quiet", handler("name.js").replace("NAME", host("quiet")))]
    burning = [Worker(f"burner-{number}", handler("burn.js"), {"cpu_ms": _CPU_MS}) for number in range(max(BURNERS))]
    rounds = {count: [] for count in BURNERS}
    priority = "normal"
    with Node(options.isolane, workers + burning) as node:
        work = _calibrate(node)
        openloop.measure(node.port, host("quiet"), RATE_PER_S, 2)
        for number in range(options.rounds):
            for count in BURNERS:
                measured = _measure(node, burning[:count], work, seconds)
                priority = measured["priority"]
                rounds[count].append(measured["latencies_s"])
                p99_ms = distribution(measured["latencies_s"])["p99"] * 1e3
                progress(
                    f"quiet: round {number + 1} of {options.rounds}: {count} burners, "
                    f"p99 {p99_ms:.2f} ms"
                )
    return _report(rounds, priority)


def _calibrate(node):
    """How many rounds of the loop take `_WORK_MS`, and their sum."""
    rounds = 1_000_000
    with node.connect() as connection:
        best_s = min(
            client.expect(connection.get(host("burner-1"), f"/rounds?n={rounds}"), None).total_s
            for _ in range(10)
        )
    rounds = int(rounds * _WORK_MS / (best_s * 1e3))
    return rounds, burners.expected_sum(rounds)


def _measure(node, burning, work, seconds):
    process = None
    if burning:
        hosts = [worker.host for worker in burning]
        process = burners.start(node.port, hosts, seconds + _SETTLE_S, work)
        time.sleep(_SETTLE_S / 2)
    measured = openloop.measure(node.port, host("quiet"), RATE_PER_S, seconds)
    if process and process.wait(60) != 0:
        raise client.Wrong("a burner got an answer that was not expected")
    return measured


def _report(rounds, priority):
    results = {"rate_per_s": RATE_PER_S, "client_priority": priority}
    idle = [distribution(latencies, _PARTS) for latencies in rounds[0]]
    rows = []
    for count, measured in rounds.items():
        pooled = [latency * 1e3 for latencies in measured for latency in latencies]
        figures = distribution(pooled, _PARTS, "_ms")
        by_round = [distribution(latencies, _PARTS) for latencies in measured]
        ratio = spread([busy["p99"] / rest["p99"] for busy, rest in zip(by_round, idle)])
        results[f"burners_{count}"] = {**figures, "p99_over_idle": ratio}
        cells = [f"{figures[key]:.2f}" for key in ("p50_ms", "p99_ms", "p99.9_ms", "max_ms")]
        rows.append([f"{count} burn", figures["n"], *cells, show_spread(ratio, 2)])
    header = ["others", "n", "p50 ms", "p99", "p99.9", "max", "p99 / idle p99"]
    table(
        f"a quiet worker, open loop at {RATE_PER_S} requests/s (client priority: {priority})",
        header,
        rows,
    )
    return results
