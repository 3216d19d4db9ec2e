"""Child processes and scratch folders that are gone when the script ends, however it ends."""

import atexit
import os
import shutil
import signal
import subprocess
import sys
import tempfile

_children = []
_folders = []


def install():
    """Makes SIGINT and SIGTERM end the script in an orderly way. Called once, by the script."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: sys.exit(128 + number))
    atexit.register(_clean_up)


def start(
    command,
    core=None,
    environment=None,
    folder=None,
    source=subprocess.DEVNULL,
    output=subprocess.DEVNULL,
):
    """Starts a process in a session of its own, pinned to a core if one is given.

    `source` is its stdin, `output` takes its stdout and stderr.
    """
    if core is not None:
        command = ["taskset", "--cpu-list", str(core), *command]
    child = subprocess.Popen(
        [str(part) for part in command],
        stdin=source,
        stdout=output,
        stderr=subprocess.STDOUT,
        cwd=folder,
        env={**os.environ, **(environment or {})},
        start_new_session=True,
    )
    _children.append(child)
    return child


def run(command, core=None, timeout_s=600):
    """Runs a command to its end and answers its stdout; its failure is an error."""
    if core is not None:
        command = ["taskset", "--cpu-list", str(core), *command]
    child = subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    _children.append(child)
    try:
        out, err = child.communicate(timeout=timeout_s)
    finally:
        stop(child)
    if child.returncode != 0:
        raise RuntimeError(f"{command[0]} failed with {child.returncode}: {err or out}")
    return out


def step_back():
    """Makes this process, which has a session of its own, take what time all others leave: clients of a node have
    machines of their own elsewhere."""
    os.nice(19)
    try:
        # Where the kernel shares time between sessions first, niceness counts within one only (sched(7)).
        with open("/proc/self/autogroup", "w", encoding="ascii") as group:
            group.write("19")
    except OSError:
        pass


def stop(child, grace_s=5.0, first=signal.SIGTERM):
    """Ends a process and its group, and answers its exit code."""
    if child.poll() is None:
        _signal_group(child, first) if first == signal.SIGKILL else child.terminate()
        try:
            child.wait(grace_s)
        except subprocess.TimeoutExpired:
            pass
    # The group, too: a peer may have children of its own.
    _signal_group(child, signal.SIGKILL)
    code = child.wait()
    if child in _children:
        _children.remove(child)
    return code


def scratch(prefix="isolane-bench-"):
    """A folder that is removed when the script ends."""
    folder = tempfile.mkdtemp(prefix=prefix)
    _folders.append(folder)
    return folder


def _signal_group(child, number):
    try:
        os.killpg(child.pid, number)
    except (ProcessLookupError, PermissionError):
        pass


def _clean_up():
    for child in list(_children):
        _signal_group(child, signal.SIGKILL)
        child.wait()
    for folder in _folders:
        shutil.rmtree(folder, ignore_errors=True)
