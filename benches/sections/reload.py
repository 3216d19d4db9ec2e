"""Save to served: how long after a file is written `isolane dev` serves what it says."""

import os
import pathlib
import re
import time

from harness import bundles, client, processes
from harness.figures import distribution, progress, table

_LISTENS = re.compile(rb"http://localhost:(\d+)")
_START_TIMEOUT_S = 60.0
_SERVED_TIMEOUT_S = 30.0
# Between two saves: a person takes longer, and spare isolates are made in some 10 ms.
_PAUSE_S = 0.15
_PARTS = (0.5, 0.99)
_WORKER = "export default {{\n  fetch(): Response {{ return new Response({text!r}); }},\n}};\n"
_IMPORTS = (
    "import { text } from './text.ts';\n"
    "export default { fetch(): Response { return new Response(text); } };\n"
)
_TEXT = "export const text: string = {text!r};\n"


def run(options):
    """Saves over and over; answers the distributions of the times by project."""
    count = 20 if options.quick else 200
    large = bundles.large("large").source
    projects = {
        "one file": ({}, "index.ts", _WORKER),
        "an imported file": ({"index.ts": _IMPORTS}, "text.ts", _TEXT),
        "one file, renamed over": ({}, "index.ts", _WORKER),
        "beside 500 KB": ({"index.ts": "import './large.js';\n" + _IMPORTS,
                           "large.js": large}, "text.ts", _TEXT),
    }
    results, rows = {}, []
    for name, (files, saved, template) in projects.items():
        progress(f"reload: {name}")
        times = _measure(options.isolane, files, saved, template, count, "renamed" in name)
        figures = distribution([seconds * 1e3 for seconds in times], _PARTS, "_ms")
        results[name] = figures
        rows.append([name, figures["n"], *(f"{figures[f'{key}_ms']:.1f}" for key in ("p50", "p99", "max"))])
    table("from the end of the write to the first answer with what was written",
          ["project", "n", "p50 ms", "p99", "max"], rows)
    return results


def _measure(isolane, files, saved, template, count, rename):
    folder = pathlib.Path(processes.scratch())
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    path = folder / saved
    path.write_text(template.format(text="start"), encoding="utf-8")
    output = pathlib.Path(processes.scratch()) / "output.txt"
    with open(output, "wb") as file:
        command = [isolane, "dev", folder, "--port", "0", "--data", folder / ".data"]
        process = processes.start(command, environment={"NO_COLOR": "1"}, output=file)
    try:
        with client.Connection(_port(process, output)) as connection:
            client.expect(connection.get("localhost"), b"start")
            times = []
            for number in range(count):
                time.sleep(_PAUSE_S)
                times.append(_save(connection, path, template, f"text {number}", rename))
            return times
    finally:
        processes.stop(process, 5.0)


def _port(process, output):
    """The port that it says it listens on."""
    ends = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < ends and process.poll() is None:
        found = _LISTENS.search(output.read_bytes())
        if found:
            return int(found.group(1))
        time.sleep(0.01)
    text = output.read_text(encoding="utf-8", errors="replace")
    raise RuntimeError(f"`isolane dev` does not serve: {text}")


def _save(connection, path, template, text, rename):
    """Writes the file; answers how long it took until that was served."""
    target = path.with_name(".saving") if rename else path
    target.write_text(template.format(text=text), encoding="utf-8")
    if rename:
        os.replace(target, path)
    began = time.perf_counter()
    while True:
        answer = connection.get("localhost")
        served_s = time.perf_counter() - began
        if answer.status != 200:
            raise client.Wrong(f"a request failed during a reload: {answer.body[:200]!r}")
        if answer.body == text.encode():
            return served_s
        if served_s > _SERVED_TIMEOUT_S:
            raise client.Wrong(f"what was written was not served: {answer.body[:200]!r}")
        time.sleep(0.0005)
