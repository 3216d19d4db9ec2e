"""How often a server asks for data to be on disk, counted with strace."""

import pathlib
import re
import shutil
import signal
import subprocess
import time

from . import processes, procfs

_CALLS = ("fsync", "fdatasync", "sync_file_range", "msync", "syncfs")
_ATTACH_S = 15.0


class Counter:
    """Counts the calls of a process and its children while it is entered."""

    def __init__(self, pid):
        self._pid = pid
        self.calls = {}

    def __enter__(self):
        folder = pathlib.Path(processes.scratch("isolane-bench-strace-"))
        self._calls_path = folder / "calls"
        self._said_path = folder / "said"
        command = ["strace", "-f", "-e", "trace=" + ",".join(_CALLS), "-o", self._calls_path]
        members = procfs.family(self._pid)
        for member in members:
            command += ["-p", member]
        with open(self._said_path, "wb") as said:
            self._strace = processes.start(command, output=said)
        ends = time.monotonic() + _ATTACH_S
        while self._said_path.read_text(encoding="utf-8").count("attached") < len(members):
            if self._strace.poll() is not None or time.monotonic() > ends:
                raise RuntimeError(f"strace: {self._said_path.read_text(encoding='utf-8')}")
            time.sleep(0.02)
        return self

    def __exit__(self, *_error):
        self._strace.send_signal(signal.SIGINT)
        try:
            self._strace.wait(10)
        except subprocess.TimeoutExpired:
            pass
        processes.stop(self._strace)
        text = self._calls_path.read_text(encoding="utf-8", errors="replace")
        for call in _CALLS:
            count = len(re.findall(rf"^\d+ +{call}\(", text, re.MULTILINE))
            if count:
                self.calls[call] = count


def can_count():
    """Whether strace is there."""
    return shutil.which("strace") is not None
