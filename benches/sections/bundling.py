"""The time from a project's files to a bundle, against esbuild on the same files."""

import pathlib
import re
import subprocess
import time

from harness import client, peers, processes, projects
from harness.figures import progress, show_spread, spread, table
from harness.node import Node

# As wrangler calls it: one ES module, a source map, and the conditions of Workers.
_ESBUILD = (
    "--bundle",
    "--format=esm",
    "--target=es2024",
    "--platform=neutral",
    "--main-fields=browser,module,main",
    "--conditions=workerd,worker,browser",
    "--keep-names",
    "--sourcemap=external",
    "--sources-content=true",
    "--log-level=info",
    "--color=false",
)
_UNITS_MS = {"µs": 0.001, "us": 0.001, "ms": 1.0, "s": 1000.0}


def run(options):
    """Bundles each project by turns: `isolane deploy --dry-run`, and esbuild where it is."""
    esbuild = peers.tools(options.peers).get("esbuild") if options.peers else None
    folder = pathlib.Path(processes.scratch())
    rounds = {}
    with Node(options.isolane, []) as node:
        ways = {"isolane": lambda project: _isolane(options.isolane, node, project)}
        if esbuild:
            ways["esbuild"] = lambda project: _esbuild(esbuild, project)
        for project in projects.make(folder / "projects"):
            for number in range(options.rounds + 1):
                # Another text each time: nothing that was kept can help.
                project.change(number + 1)
                for name, way in ways.items():
                    figure = way(project)
                    # The first round warms up the system's page cache.
                    if number > 0:
                        rounds.setdefault((project.name, name), []).append(figure)
            sizes = project.source_bytes()
            progress(f"bundling: {project.name} is done, {sizes:,} bytes of its own source")
    return _report(rounds, list(ways))


def _isolane(isolane, node, project):
    out = project.folder / "out-isolane"
    command = [isolane, "deploy", project.folder, "--dry-run", "--outdir", out]
    command += ["--node-config", node.folder / "node.toml"]
    said, wall_ms = _timed(command)
    found = re.search(r"^bundled .* in ([\d.,]+) ?(µs|us|ms|s)\b", said, re.MULTILINE)
    if not found:
        raise client.Wrong(f"isolane does not say how long it took: {said}")
    return _figure(project, out, found, wall_ms)


def _esbuild(esbuild, project):
    out = project.folder / "out-esbuild"
    said, wall_ms = _timed([esbuild, project.main, f"--outdir={out}", *_ESBUILD])
    found = re.search(r"Done in ([\d.,]+) ?(µs|us|ms|s)\b", said)
    if not found:
        raise client.Wrong(f"esbuild does not say how long it took: {said}")
    return _figure(project, out, found, wall_ms)


def _timed(command):
    began = time.perf_counter()
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False
    )
    wall_ms = (time.perf_counter() - began) * 1000
    if done.returncode != 0:
        raise client.Wrong(f"{command[0]} failed with {done.returncode}: {done.stderr}")
    return done.stdout + done.stderr, wall_ms


def _figure(project, out, found, wall_ms):
    """Checks that what was written is the project as it is now."""
    texts = [file.read_text(encoding="utf-8") for file in out.rglob("*.*js")]
    if not any(f"{project.mark}\\n" in text for text in texts):
        raise client.Wrong(f"{project.name}: no bundle in {out} has {project.mark}")
    if not list(out.rglob("*.map")):
        raise client.Wrong(f"{project.name}: no source map in {out}")
    size = sum(len(text) for text in texts)
    bundling_ms = float(found[1].replace(",", "")) * _UNITS_MS[found[2]]
    return {"bundling_ms": bundling_ms, "wall_ms": wall_ms, "bytes": size}


def _report(rounds, names):
    results, rows = {}, []
    for (project, name), figures in rounds.items():
        bundling = spread([figure["bundling_ms"] for figure in figures])
        wall = spread([figure["wall_ms"] for figure in figures])
        result = {"bundling_ms": bundling, "wall_ms": wall, "bytes": figures[-1]["bytes"]}
        ratio = "1.00"
        if name != "isolane":
            own = rounds[(project, "isolane")]
            pairs = zip(own, figures)
            ratios = [ours["bundling_ms"] / its["bundling_ms"] for ours, its in pairs]
            result["isolane_over_it"] = spread(ratios)
            ratio = show_spread(result["isolane_over_it"], 2)
        results[f"{project}, {name}"] = result
        size = f"{result['bytes']:,}"
        rows.append([project, name, size, show_spread(bundling, 1), show_spread(wall, 0), ratio])
    header = ["project", "by", "bytes", "bundling ms", "process ms", "isolane / it"]
    table(f"bundling, {' and '.join(names)}: median (min .. max)", header, rows)
    return results
