"""What the `kv` bench does: its operations, and how the answer to each has to look."""

from dataclasses import dataclass

from harness.kvload import key

_HOT_KEYS = 1_000
# 1,000 values of 1 MB are more than anybody keeps in memory.
_HOT_LARGE_KEYS = 50
_LISTED_KEYS = 1_000
# Names of lengths, and how many keys have a value of that length.
_LENGTHS = {100: ("100 B", 20_000), 10_000: ("10 KB", 5_000), 1_000_000: ("1 MB", 200)}
_QUICK_KEYS = {100: 4_000, 10_000: 1_000, 1_000_000: 60}
# Over how many keys puts go: few with large values, so that the disk is not filled.
_PUT_KEYS = {100: 100_000, 10_000: 5_000, 1_000_000: 64}


@dataclass(frozen=True)
class Operation:
    """One operation as `lua/kv.lua` does it.

    `filled` is what has to be there before, as (prefix, keys, bytes of a value). `answer_bytes` and
    `answer_start` are the length and the beginning of every body.
    """

    name: str
    kind: str
    prefix: str
    keys: int
    bytes: int
    connections: int
    answer_bytes: int
    answer_start: str
    filled: tuple = ()
    # Keys per request of a bulk get.
    per_request: int = 0

    @property
    def cold(self):
        """Whether the server is started again before each round."""
        return self.kind == "once"


def operations(quick):
    """All operations, in the order of the table."""
    found = []
    for size, (name, keys) in _LENGTHS.items():
        keys = _QUICK_KEYS[size] if quick else keys
        found.append(_get(f"get hot, 1 key, {name}", size, 1, keys))
        hot = _HOT_KEYS if size < 1_000_000 else _HOT_LARGE_KEYS
        found.append(_get(f"get hot, {hot} keys, {name}", size, hot, keys))
        found.append(_get(f"get cold, {keys} keys, {name}", size, keys, keys, kind="once"))
    # So many keys that none is asked for twice.
    found.append(Operation("get miss", "get", "none", 10**9, 0, 64, len("absent"), "absent"))
    for size in (100, 10_000):
        filled = (_prefix(size), _QUICK_KEYS[size] if quick else _LENGTHS[size][1], size)
        for count in (10, 100):
            body = f"{count} {count * size}"
            found.append(
                Operation(
                    f"bulk get of {count}, {_LENGTHS[size][0]}", "many", _prefix(size), _HOT_KEYS,
                    size, 16, len(body), body, filled, count,
                )
            )
    listed = "\n".join(key("list", number) for number in range(_LISTED_KEYS))
    found.append(
        Operation(
            "list 1000 keys, 100 B", "list", "list", _LISTED_KEYS, 100, 16, len(listed), listed[:60],
            ("list", _LISTED_KEYS, 100),
        )
    )
    for size in _LENGTHS:
        # 256 values of 1 MB would be more than a worker's memory.
        found += [put(size, at_a_time) for at_a_time in (1, 16, 256) if at_a_time * size < 20e6]
    return found


def put(size, connections):
    """The operation that puts values of that length, so many at a time."""
    name = f"put, {connections} at a time, {_LENGTHS[size][0]}"
    keys = _PUT_KEYS[size]
    return Operation(name, "put", f"p{size}", keys, size, connections, len("stored"), "stored")



def _get(name, size, keys, filled, kind="get"):
    connections = 16 if size >= 1_000_000 or kind == "once" else 64
    prefix = _prefix(size)
    start = f"{prefix}:"
    return Operation(
        name, kind, prefix, keys, size, connections, size, start, (prefix, filled, size)
    )


def _prefix(size):
    return f"v{size}"
