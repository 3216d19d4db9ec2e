#!/usr/bin/env python3
"""Measures Isolane, section by section; see README.md. Not here: the soak (`soak.py`)."""

import argparse
import os
import pathlib
import platform
import shutil
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import client, figures, node, peers, processes
from sections import bundling, calls, coldstart, fair, hello, kv, many, memory, overrun, quiet
from sections import queues, reload, reloadpeers, rotation, start

SECTIONS = {
    "hello": hello,
    "rotation": rotation,
    "coldstart": coldstart,
    "memory": memory,
    "overrun": overrun,
    "quiet": quiet,
    "fair": fair,
    "reload": reload,
    "kv": kv,
    "calls": calls,
    "queues": queues,
    "bundling": bundling,
    "reloadpeers": reloadpeers,
    "start": start,
    "many": many,
}
# What each section needs beside Python and the binary, with its Debian package.
TOOLS = {
    "hello": {"wrk": "wrk", "taskset": "util-linux"},
    "rotation": {"wrk": "wrk", "taskset": "util-linux"},
    "coldstart": {"h2load": "nghttp2-client"},
    "kv": {"wrk": "wrk", "taskset": "util-linux"},
    "queues": {"h2load": "nghttp2-client"},
    "bundling": {"npm": "npm"},
    "reloadpeers": {"npm": "npm"},
}


def main():
    """Reads the command line and runs what it says; answers the exit code."""
    options = _arguments()
    processes.install()
    if options.section == "peers":
        peers.install(options.folder)
        return 0
    names = list(SECTIONS) if options.section == "all" else [options.section]
    _need(names, options.isolane)
    results = {"machine": _machine(), "isolane": node.version(options.isolane)}
    results["quick"] = options.quick
    failed = []
    for name in names:
        try:
            results[name] = SECTIONS[name].run(options)
        except (client.Wrong, RuntimeError) as error:
            # The other sections are worth their time all the same.
            figures.progress(f"{name}: failed: {error}")
            results[name] = {"failed": str(error)}
            failed.append(name)
        if options.json:
            figures.save(options.json, results)
    if failed:
        print(f"\nfailed: {', '.join(failed)}")
    return 1 if failed else 0


def _arguments():
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--isolane", type=pathlib.Path, default=node.find_isolane(), metavar="PATH")
    common.add_argument("--json", metavar="FILE", help="write the results to this file")
    common.add_argument("--quick", action="store_true", help="a short run, to see that it works")
    common.add_argument(
        "--short", action="store_true", help="for `fair`: only whether quiet workers are answered"
    )
    common.add_argument("--rounds", type=int, help="rounds by turns (default: 5, quick: 2)")
    common.add_argument(
        "--peers", metavar="DIR", help="a folder that `peers DIR` has filled"
    )
    common.add_argument(
        "--wait-idle", action="store_true", help="let `memory` wait for idle eviction, 11 minutes"
    )
    common.add_argument(
        "--only", metavar="TEXT", help="for `kv` and `queues`: only what has this in its name"
    )
    common.add_argument(
        "--unpinned", action="store_true", help="for `kv`: all cores for the servers and the load"
    )
    parser = argparse.ArgumentParser(description="Measures Isolane.")
    commands = parser.add_subparsers(dest="section", required=True, metavar="SECTION")
    for name, section in SECTIONS.items():
        commands.add_parser(name, parents=[common], help=section.__doc__.splitlines()[0])
    commands.add_parser("all", parents=[common], help="every section, one after the other")
    install = commands.add_parser("peers", help="install the peers into a folder with npm")
    install.add_argument("folder", metavar="DIR")
    options = parser.parse_args()
    if options.section != "peers" and options.rounds is None:
        options.rounds = 2 if options.quick else 5
    return options


def _need(names, isolane):
    """Ends the script where something that a section needs is not there."""
    if not isolane.is_file():
        sys.exit(f"there is no {isolane}: build it (cargo build --release) or give --isolane PATH")
    missing = {
        f"{tool} (Debian package {package})"
        for name in names
        for tool, package in TOOLS.get(name, {}).items()
        if not shutil.which(tool)
    }
    if missing:
        sys.exit(f"missing: {', '.join(sorted(missing))}")


def _machine():
    model = "unknown"
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return {
        "cpu": model,
        "cores": len(peers.cores()),
        "kernel": platform.release(),
        "load_average_at_start": list(os.getloadavg()),
    }


if __name__ == "__main__":
    sys.exit(main())
