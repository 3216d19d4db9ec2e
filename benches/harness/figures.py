"""Percentiles, spread and tables. Not here: how a figure is measured (`sections/`)."""

import json
import math
import os
import statistics
import sys


def percentile(values, part):
    """The value that `part` (0..1) of the values do not exceed: the nearest rank."""
    ordered = sorted(values)
    rank = max(1, math.ceil(part * len(ordered)))
    return ordered[rank - 1]


def distribution(values, parts=(0.5, 0.99), unit=""):
    """`{"n": .., "p50": .., "p99": .., "max": ..}`; `unit` is added to each name."""
    if not values:
        return {"n": 0}
    figures = {"n": len(values)}
    for part in parts:
        name = f"p{part * 100:.10g}"
        figures[name + unit] = percentile(values, part)
    figures["max" + unit] = max(values)
    return figures


def spread(values):
    """The median of the rounds with the least and the greatest of them."""
    return {
        "median": statistics.median(values),
        "min": min(values),
        "max": max(values),
        "rounds": len(values),
    }


def show_spread(figures, digits=0):
    """`median (min .. max)`."""
    low, mid, high = (f"{figures[key]:,.{digits}f}" for key in ("min", "median", "max"))
    return f"{mid} ({low} .. {high})"


def table(title, header, rows):
    """Prints a table; the first column is left-aligned, the others are right-aligned."""
    cells = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    print(f"\n{title}")
    for number, row in enumerate(cells):
        first = row[0].ljust(widths[0])
        rest = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))
        print("  " + "  ".join([first, *rest]).rstrip())
        if number == 0:
            print("  " + "  ".join("-" * width for width in widths))
    sys.stdout.flush()


def progress(text):
    """A line that says how far a run is, on stderr, so that stdout has the tables alone."""
    print(text, file=sys.stderr, flush=True)


def save(path, results):
    """Writes results as JSON. Whoever reads the file meanwhile finds what was there before, or all."""
    text = json.dumps(results, indent=2) + "\n"
    if os.path.exists(path) and not os.path.isfile(path):
        # A pipe or a terminal.
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return
    # What a link leads to is what is replaced.
    path = os.path.realpath(path)
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(f"{path}.new", path)
