#!/usr/bin/env python3
"""What every file of this project has to keep to and no compiler looks at. Prints each fault as
`file:line: what`, and ends with 1 where there is one."""

import pathlib
import re
import subprocess
import sys

# Lines that a file of code may have at most; generated ones aside.
MOST_LINES = 700
CODE = {".rs", ".js", ".ts", ".mjs", ".py", ".sh"}
# Not written here, or written by a program.
FOREIGN = re.compile(r"^vendor/rusty_v8/.*/|^bindings/compat-vendor/|^cli/tests/apps/[^/]+/|^wpt/expected")
# Where `unsafe` may be used.
UNSAFE = re.compile(r"^runtime/src/isolate(/|\.rs$)")
_UNSAFE_CODE = re.compile(r"\bunsafe (\{|fn|impl|extern)|allow\(unsafe_code\)")
_UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX)\b|\bdbg!\(|\btodo!\(|\bunimplemented!\(")


def tracked():
    """Each file of the repository, with its mode."""
    listing = subprocess.run(
        ["git", "ls-files", "--stage", "-z"], check=True, capture_output=True
    ).stdout.decode()
    for entry in filter(None, listing.split("\0")):
        state, path = entry.split("\t", 1)
        yield state.split()[0], path


def faults_of(mode, path):
    """The faults of a file, each with the number of its line."""
    file = pathlib.Path(path)
    if mode == "120000" or not file.is_file():
        return
    data = file.read_bytes()
    is_script = data.startswith(b"#!")
    if (mode == "100755") != is_script:
        yield 1, "is executable and begins with #!, or neither"
    if FOREIGN.match(path) or file.suffix not in CODE:
        return
    text = data.decode("utf-8", errors="replace")
    lines = text.splitlines()
    if len(lines) > MOST_LINES:
        yield MOST_LINES, f"has {len(lines)} lines, at most {MOST_LINES} may be"
    if text and not text.endswith("\n"):
        yield len(lines), "the last line has no end"
    for number, line in enumerate(lines, 1):
        if line != line.rstrip():
            yield number, "ends with white space"
        if path != ".ci/tidy.py" and _UNFINISHED.search(line):
            yield number, "is not finished"
    if file.suffix == ".rs":
        yield from faults_of_rust(path, lines)
    elif file.suffix == ".py" and not re.match(r"(#!.*\n)?\"\"\"", text) and text:
        yield 1, "does not say what lives here (\"\"\"...)"


def faults_of_rust(path, lines):
    """The faults of a file of Rust."""
    if path.endswith("/mod.rs"):
        yield 1, "a module's file has its name, not mod.rs"
    if not lines or not lines[0].startswith("//!"):
        yield 1, "does not say what lives here (//!)"
    for number, line in enumerate(lines, 1):
        code = line.split("//")[0]
        if _UNSAFE_CODE.search(code) and not UNSAFE.match(path) and not path.startswith("runtime/tests/"):
            yield number, "unsafe code is in runtime/src/isolate only"


def main():
    """Looks at every file."""
    faults = [
        f"{path}:{number}: {what}"
        for mode, path in tracked()
        for number, what in faults_of(mode, path)
    ]
    print("\n".join(faults) or "every file is tidy")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
