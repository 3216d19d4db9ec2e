"""The start of a node that has many deployed versions: until it answers, and what it then takes."""

import time

from harness import client
from harness.deployed import DeployedNode
from harness.figures import distribution, progress, show_spread, spread, table

_WORKERS = 1_000
_VERSIONS_EACH = 10
_ASKED = 20
_SOURCE = """\
// Version {version} of {worker}.
export default {{
  fetch() {{
    return new Response("{worker} {version}\\n");
  }},
}};
"""


def run(options):
    """Deploys versions through the admin API, then starts the node again and again."""
    workers = 50 if options.quick else _WORKERS
    counts = {0: None, workers * _VERSIONS_EACH: workers}
    nodes = {}
    for count, of_workers in counts.items():
        nodes[count] = DeployedNode(options.isolane)
        if of_workers:
            _fill(nodes[count], of_workers)
    rounds = {count: [] for count in counts}
    for number in range(options.rounds + 1):
        for count, running in nodes.items():
            figure = _start_and_stop(running, counts[count])
            # The first start warms up the system's page cache.
            if number > 0:
                rounds[count].append(figure)
    return _report(rounds)


def _fill(running, workers):
    """Deploys every version of so many workers."""
    running.start()
    began = time.monotonic()
    with running.admin() as admin:
        for number in range(workers):
            worker = f"w-{number}"
            for version in range(_VERSIONS_EACH):
                running.deploy(admin, worker, _SOURCE.format(worker=worker, version=version))
            if number % 100 == 99:
                took_s = time.monotonic() - began
                progress(f"start: {number + 1} of {workers} workers after {took_s:.0f} s")
    running.stop()


def _start_and_stop(running, workers):
    """Starts the node and asks some workers; answers the times and the memory."""
    started_ms = running.start(poll_s=0.001) * 1000
    figure = {"started_ms": started_ms, "rss_mib": running.rss_bytes / 2**20}
    with client.Connection(running.port) as connection:
        firsts = []
        step = max(1, (workers or 0) // _ASKED)
        for number in range(0, workers or 0, step):
            name = f"w-{number}"
            expected = f"{name} {_VERSIONS_EACH - 1}\n".encode()
            answer = client.expect(connection.get(f"{name}.localhost"), expected, what=name)
            firsts.append(answer.first_byte_s * 1000)
    figure["first_answers_ms"] = firsts
    running.stop()
    return figure


def _report(rounds):
    results, rows = {}, []
    for count, figures in rounds.items():
        started = spread([figure["started_ms"] for figure in figures])
        rss = spread([figure["rss_mib"] for figure in figures])
        firsts = distribution([ms for figure in figures for ms in figure["first_answers_ms"]])
        results[f"{count} versions"] = {
            "started_ms": started,
            "rss_mib": rss,
            "first_answers_ms": firsts,
        }
        first = f"{firsts['p50']:.1f}" if firsts["n"] else "-"
        rows.append([f"{count:,}", show_spread(started, 1), show_spread(rss, 1), first])
    header = ["versions", "process start to first answer, ms", "RSS MiB", "first answer p50 ms"]
    table(f"start, {_VERSIONS_EACH} versions of each worker: median (min .. max)", header, rows)
    return results
