"""What the kernel knows of a process: CPU time, memory, descriptors, threads, sockets."""

import os
import re

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def _stat(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        text = file.read()
    # The name is in parentheses and may hold anything, so count from the last one.
    return text[text.rindex(")") + 2 :].split()


def cpu_s(pid):
    """CPU time of a process and its descendants that live, user and system, in seconds."""
    total = 0
    for member in family(pid):
        try:
            fields = _stat(member)
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += int(fields[11]) + int(fields[12])
    return total / _TICKS_PER_S


def started_at(pid):
    """When a process began, in ticks since boot: with the number it names one process for ever."""
    return int(_stat(pid)[19])


def family(pid):
    """A process and all its descendants."""
    found, queue = [], [pid]
    while queue:
        member = queue.pop()
        found.append(member)
        try:
            threads = os.listdir(f"/proc/{member}/task")
        except FileNotFoundError:
            continue
        for thread in threads:
            try:
                with open(f"/proc/{member}/task/{thread}/children", encoding="ascii") as file:
                    queue.extend(int(child) for child in file.read().split())
            except (FileNotFoundError, ProcessLookupError):
                continue
    return found


def node_of(pid):
    """The process that serves, of the one that `isolane serve` is: the last that it started.

    A release that does not supervise is that process itself.
    """
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        children = file.read().split()
    return int(children[-1]) if children else pid


def memory_bytes(pid):
    """`{"rss": .., "pss": .., "private": ..}` in bytes, from smaps_rollup."""
    sizes = {}
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        for line in file:
            match = re.match(r"(\w+):\s+(\d+) kB", line)
            if match:
                sizes[match[1]] = int(match[2]) * 1024
    private = sizes["Private_Clean"] + sizes["Private_Dirty"]
    return {"rss": sizes["Rss"], "pss": sizes["Pss"], "private": private}


def rss_bytes(pid):
    """Resident memory, cheaper than `memory_bytes`."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def thread_count(pid):
    """Threads of a process."""
    return len(os.listdir(f"/proc/{pid}/task"))


def mapping_count(pid):
    """Memory mappings of a process; the system gives it `vm.max_map_count` at most."""
    with open(f"/proc/{pid}/maps", "rb") as file:
        return sum(1 for _ in file)


def descriptors(pid):
    """What the open file descriptors of a process are: `{"socket": 12, "anon_inode": 3, ..}`."""
    kinds = {}
    for number in os.listdir(f"/proc/{pid}/fd"):
        try:
            target = os.readlink(f"/proc/{pid}/fd/{number}")
        except OSError:
            continue
        kind = target.split(":")[0] if ":" in target else "file"
        kinds[kind] = kinds.get(kind, 0) + 1
    return kinds


def connections(pid, port):
    """TCP connections of a process at its port, by state; listening sockets are left out."""
    inodes = set()
    for number in os.listdir(f"/proc/{pid}/fd"):
        try:
            match = re.match(r"socket:\[(\d+)\]", os.readlink(f"/proc/{pid}/fd/{number}"))
        except OSError:
            continue
        if match:
            inodes.add(match[1])
    states = {}
    for table in ("tcp", "tcp6"):
        try:
            with open(f"/proc/{pid}/net/{table}", encoding="ascii") as file:
                lines = file.readlines()[1:]
        except FileNotFoundError:
            continue
        for line in lines:
            fields = line.split()
            local_port = int(fields[1].rsplit(":", 1)[1], 16)
            if local_port == port and fields[9] in inodes and fields[3] != _LISTEN:
                state = _STATES.get(fields[3], fields[3])
                states[state] = states.get(state, 0) + 1
    return states


_LISTEN = "0A"
_STATES = {"01": "established", "04": "fin_wait1", "05": "fin_wait2", "08": "close_wait"}
