"""The load generators `wrk` and `h2load`, and what they report."""

import json
import pathlib
import re

from . import client, processes

LUA = pathlib.Path(__file__).parent.parent / "lua"


def wrk(port, host, seconds, connections=64, threads=1, core=None, script="report.lua", args=()):
    """Runs wrk in a closed loop and answers its figures; any error of it is `Wrong`."""
    command = ["wrk", "--connections", connections, "--threads", threads]
    command += ["--duration", f"{seconds}s", "--timeout", "10s", "--latency"]
    command += ["--script", LUA / script, "--header", f"Host: {host}"]
    command += [f"http://127.0.0.1:{port}/", "--", *args]
    out = processes.run(command, core=core, timeout_s=seconds + 60)
    line = next(line for line in out.splitlines() if line.startswith("RESULT "))
    figures = json.loads(line.removeprefix("RESULT "))
    bad = {name: count for name, count in figures["errors"].items() if count}
    if bad or figures["wrong_bodies"] or not figures["requests"]:
        raise client.Wrong(f"{host}: wrk counts {bad}, {figures['wrong_bodies']} wrong bodies")
    figures["rps"] = figures["requests"] / figures["seconds"]
    figures["connections"] = connections
    return figures


def check_bytes(figures, answer_bytes, what):
    """Every answer of a wrk run had exactly that size, head and body.

    A callback for each answer would slow wrk down to where it limits the server, so a run that is
    measured is checked by its bytes and `check.lua` reads every body in a short run beside it.
    """
    expected = figures["requests"] * answer_bytes
    # Answers that were being read when the time was over are in the bytes but not counted.
    slack = figures["connections"] * answer_bytes
    if not expected <= figures["bytes"] <= expected + slack:
        raise client.Wrong(
            f"{what}: {figures['requests']} answers of {answer_bytes} bytes are {expected}, "
            f"found {figures['bytes']}"
        )


def h2load(
    port, host, requests=None, seconds=None, clients=4, streams=16, rps=None, h1=False, path="/"
):
    """Runs h2load and answers `{"done": .., "failed": .., "rps": ..}`.

    `rps` is the rate of all clients together: then the loop is open.
    """
    command = ["h2load", "--clients", clients, "--threads", 1, "--header", f":authority: {host}"]
    command += ["--max-concurrent-streams", 1 if h1 else streams]
    if h1:
        # h2load makes the Host header from `:authority`.
        command += ["--h1"]
    if rps:
        command += ["--rps", rps / clients]
    if seconds:
        command += ["--duration", seconds]
    else:
        command += ["--requests", requests]
    out = processes.run([*command, f"http://127.0.0.1:{port}{path}"], timeout_s=(seconds or 60) + 60)
    return h2load_figures(out)


def h2load_figures(out):
    """The figures in h2load's output."""
    counts = re.search(
        r"requests: (\d+) total, \d+ started, (\d+) done, (\d+) succeeded, (\d+) failed, "
        r"(\d+) errored, (\d+) timeout",
        out,
    )
    if not counts:
        raise RuntimeError(f"h2load says something unknown: {out}")
    total, done, good, failed, errored, timeout = map(int, counts.groups())
    rate = re.search(r"finished in [^,]+, ([\d.]+) req/s", out)
    return {
        "total": total,
        "done": done,
        "succeeded": good,
        "failed": failed + errored + timeout,
        "rps": float(rate[1]) if rate else 0.0,
    }
