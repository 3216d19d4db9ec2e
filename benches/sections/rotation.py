"""Requests per second through fifty workers in turn against one worker."""

from harness import client, load, peers, procfs
from harness.figures import progress, show_spread, spread, table
from harness.node import Node, Worker, handler, host

WORKERS = 50
_CONNECTIONS = 64
_PATTERN = "w-%03d.bench.test"


def run(options):
    """Measures one worker and fifty by turns, through the same wrk script."""
    cores = peers.cores()
    core, load_core = cores[:2] if len(cores) >= 2 else (None, None)
    seconds = 2 if options.quick else 8
    names = [f"w-{number:03}" for number in range(WORKERS)]
    workers = [Worker(name, handler("name.js").replace("NAME", host(name))) for name in names]
    rounds = {1: [], WORKERS: []}
    with Node(options.isolane, workers, core=core) as node:
        for count in rounds:
            progress(f"rotation: warming up {count}")
            _wrk(node, 2, count, load_core, ["check"])
        for number in range(options.rounds):
            for count, figures in rounds.items():
                answer_bytes = _check_answers(node, names[:count])
                before = procfs.cpu_s(node.pid)
                figure = _wrk(node, seconds, count, load_core, [])
                cpu_s = procfs.cpu_s(node.pid) - before
                load.check_bytes(figure, answer_bytes, f"rotation over {count}")
                figure["cpu_s_per_million"] = cpu_s / figure["requests"] * 1e6
                figures.append(figure)
                progress(
                    f"rotation: round {number + 1} of {options.rounds}: {count} workers "
                    f"{figure['rps']:,.0f} requests/s"
                )
    return _report(rounds)


def _wrk(node, seconds, count, core, extra):
    turns = {"script": "rotate.lua", "args": [count, _PATTERN, *extra]}
    return load.wrk(node.port, _PATTERN % 0, seconds, _CONNECTIONS, core=core, **turns)


def _check_answers(node, names):
    with node.connect() as connection:
        for name in names:
            answer = client.expect(connection.get(host(name)), host(name).encode(), what=name)
    return answer.head_bytes + len(answer.body)


def _report(rounds):
    ratios = [many["rps"] / one["rps"] for one, many in zip(rounds[1], rounds[WORKERS])]
    results = {"ratio": spread(ratios), "rounds": rounds}
    rows = []
    for count, figures in rounds.items():
        rps = spread([figure["rps"] for figure in figures])
        cpu = spread([figure["cpu_s_per_million"] for figure in figures])
        results[f"workers_{count}"] = {"rps": rps, "cpu_s_per_million": cpu}
        ratio = "1.00" if count == 1 else show_spread(results["ratio"], 2)
        rows.append([count, show_spread(rps), ratio, show_spread(cpu, 1)])
    header = ["workers", "requests/s", "over one worker", "CPU s per million"]
    table(f"rotation, one core, {_CONNECTIONS} connections: median (min .. max)", header, rows)
    return results
