"""One application on both servers: starts by turns, all checks, changes by turns."""

import pathlib
import time

from harness import client, processes
from harness.figures import progress, spread

from . import applications, checks, servers

_RELOAD_S = 60.0
# Watchers may hold back changes that follow one another closely.
_PAUSE_S = 0.3
_ASKED = "x-compatibility-change"
# In the place of the main module, which it calls for all but its own question.
_WRAPPER = """\
import * as original from './{original}'
export * from './{original}'

const change = '{number}'

export default {{
  ...original.default,
  fetch(request, env, ctx) {{
    if (request.headers.has('{asked}')) return new Response(change)
    return original.default.fetch(request, env, ctx)
  }},
}}
"""


def compare(application, tools, options):
    """The result of an application, for `report`."""
    packages = applications.prepared(application, options.peers, tools)
    scratch = pathlib.Path(processes.scratch())
    written = application.checks
    sides = {
        "isolane": _Side(
            application.copied(scratch / "isolane", packages),
            lambda folder, scratch, is_asked: servers.Isolane(
                options.isolane, folder, scratch, written, is_asked
            ),
        ),
        "wrangler": _Side(
            application.copied(scratch / "wrangler", packages),
            lambda folder, scratch, is_asked: servers.Wrangler(
                tools, folder, scratch, written, is_asked
            ),
        ),
    }
    result = {"packages": application.packages(), "ready_ms": {}, "saved_ms": {}}
    try:
        for number in range(options.rounds):
            for name, side in sides.items():
                side.ready_ms.append(side.restart(scratch / f"{name}-{number}", True))
        for name, side in sides.items():
            side.restart(scratch / f"{name}-checks", False)
        answers = {name: side.answers(written, tools) for name, side in sides.items()}
        result["checks"] = [
            _judged(check, ours, theirs)
            for check, ours, theirs in zip(
                written["checks"], answers["isolane"], answers["wrangler"]
            )
        ]
        for name, side in sides.items():
            result["ready_ms"][name] = spread(side.ready_ms)
        if application.is_edited:
            saved = _changes(sides, options.rounds)
            result["saved_ms"] = {name: spread(times) for name, times in saved.items()}
    finally:
        for side in sides.values():
            side.stop()
    for check in result["checks"]:
        for problem in check["unexpected"]:
            progress(f"{application.name}: it {check['it']}: not expected of wrangler: {problem}")
    same = sum(not check["differences"] for check in result["checks"])
    progress(f"{application.name}: {same} of {len(result['checks'])} answers are the same")
    return result


class _Side:
    """A server's copy of the application, and the server when it runs."""

    def __init__(self, folder, start):
        self.folder = folder
        self.server = None
        self.ready_ms = []
        self._start = start

    def restart(self, scratch, is_asked):
        """Starts it anew; answers how long that took, in ms."""
        self.stop()
        scratch.mkdir()
        self.server = self._start(self.folder, scratch, is_asked)
        return self.server.ready_ms

    def answers(self, written, tools):
        """What it answers to all checks."""
        upstream = servers.Upstream(tools)
        try:
            return checks.ask_all(written, self.server, upstream.url)
        finally:
            upstream.stop()

    def stop(self):
        if self.server:
            self.server.stop()
            self.server = None


def _judged(check, ours, theirs):
    return {
        "it": check["it"],
        "planned": check.get("planned"),
        "differences": checks.differences(ours, theirs),
        # The expectations are the tests'; wrangler is what they come from.
        "unexpected": checks.problems(theirs),
    }


def _changes(sides, rounds):
    """How long each server takes from a saved main module to its answer, in ms."""
    main = {name: applications.main_module(side.folder) for name, side in sides.items()}
    original = {}
    for name, file in main.items():
        original[name] = file.with_name(f"original-{file.name}")
        file.rename(original[name])
    times = {name: [] for name in sides}
    for number in range(rounds + 1):
        for name, side in sides.items():
            time.sleep(_PAUSE_S)
            took_ms = _change(side.server, main[name], original[name].name, number)
            # The first one is another program to the bundler.
            if number > 0:
                times[name].append(took_ms)
    return times


def _change(server, main, original, number):
    text = _WRAPPER.format(original=original, number=number, asked=_ASKED)
    fresh = main.with_name(f".{main.name}.new")
    fresh.write_text(text, encoding="utf-8")
    request = f"GET / HTTP/1.1\r\nHost: {server.host}\r\n{_ASKED}: 1\r\n\r\n".encode()
    fresh.rename(main)
    began = time.perf_counter()
    while time.perf_counter() - began < _RELOAD_S:
        try:
            with client.Connection(server.port) as connection:
                while time.perf_counter() - began < _RELOAD_S:
                    answer = connection.request(request)
                    if answer.status == 200 and answer.body == str(number).encode():
                        return (time.perf_counter() - began) * 1000
        except (OSError, client.Wrong, ValueError, IndexError):
            # It may start again with a change.
            time.sleep(0.005)
    raise client.Wrong(f"a change is not served in {_RELOAD_S:.0f} s: {server.said()}")
