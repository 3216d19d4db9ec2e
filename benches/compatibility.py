#!/usr/bin/env python3
"""Runs the applications of `cli/tests/apps` on Isolane and on `wrangler dev`, compares every
answer and writes a table; see README.md."""

import argparse
import json
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from compat import applications, report, run
from harness import client, figures, node, peers, processes


def main():
    """Reads the command line and runs what it says; answers the exit code."""
    options = _arguments()
    processes.install()
    if not options.isolane.is_file():
        sys.exit(f"there is no {options.isolane}: build it or give --isolane PATH")
    peers.install_tools(options.peers)
    tools = peers.tools(options.peers)
    results = {"isolane": node.version(options.isolane), "tools": peers.tool_versions(options.peers)}
    results["applications"] = _kept(options, results)
    for application in applications.every(options.only):
        if application.name in results["applications"]:
            continue
        try:
            result = run.compare(application, tools, options)
        except (client.Wrong, RuntimeError) as error:
            figures.progress(f"{application.name}: {error}")
            result = {"failed": str(error)}
        results["applications"][application.name] = result
        if options.json:
            figures.save(options.json, results)
    text = report.markdown(results)
    print(text)
    if options.write:
        lacking = [it.name for it in applications.every([]) if it.name not in results["applications"]]
        if lacking:
            sys.exit(f"{options.write} is not written: it would lack {', '.join(lacking)}")
        options.write.write_text(text, encoding="utf-8")
    return 0 if report.is_compatible(results) else 1


def _kept(options, results):
    """What an earlier run with the same programs' versions has found: `{}` where none counts."""
    if not options.resume:
        return {}
    if not options.json:
        sys.exit("--resume goes on with what --json FILE has: name the file")
    file = pathlib.Path(options.json)
    if not file.is_file():
        return {}
    earlier = json.loads(file.read_text(encoding="utf-8"))
    if any(earlier[key] != results[key] for key in ("isolane", "tools")):
        sys.exit(f"{file} is of another isolane or other peers: take it away, or leave out --resume")
    # What has failed is asked again.
    return {name: it for name, it in earlier["applications"].items() if "failed" not in it}


def _arguments():
    parser = argparse.ArgumentParser(description="Compares Isolane with wrangler dev.")
    parser.add_argument("--isolane", type=pathlib.Path, default=node.find_isolane(), metavar="PATH")
    parser.add_argument(
        "--peers",
        type=pathlib.Path,
        required=True,
        metavar="DIR",
        help="a folder for wrangler and the packages, which are installed where they are not there",
    )
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="repeatable")
    parser.add_argument("--rounds", type=int, default=3, help="starts and changes (default: 3)")
    parser.add_argument("--write", type=pathlib.Path, metavar="FILE", help="the table, as Markdown")
    parser.add_argument("--json", metavar="FILE", help="write the results to this file")
    parser.add_argument(
        "--resume", action="store_true", help="go on with what the file of --json has already"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
