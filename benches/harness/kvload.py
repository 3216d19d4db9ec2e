"""The load of the `kv` bench, and the checks of its answers."""

import concurrent.futures

from . import client, load, procfs

# How many values one request of `fill` puts: few enough for a worker's limits.
_FILL_BYTES = 1_000_000
_FILL_KEYS = 50
_FILL_CONNECTIONS = 4
_CHECKED_KEYS = 20
# How far two puts of `lua/kv.lua` are apart.
_STEP = 7919
# Misses of a round are keys that no other round asks for.
_ROUND_KEYS = 10**8
_GENERATIONS = "abcdefghij"


def key(prefix, number):
    """The key of a number below a prefix, as the handler and the Lua script make it."""
    return f"{prefix}:{number:010d}"


def fill(server, prefix, keys, size):
    """Puts keys 0 to `keys` through the worker itself."""
    step = max(1, min(_FILL_KEYS, _FILL_BYTES // size))
    spans = [(first, min(step, keys - first)) for first in range(0, keys, step)]

    def put(part):
        with client.Connection(server.port, timeout_s=120.0) as connection:
            for first, count in part:
                answer = connection.get(server.host, f"/fill/{prefix}/{first}/{count}/{size}")
                client.expect(answer, b"stored", what=f"{server.name}: fill")

    with concurrent.futures.ThreadPoolExecutor(_FILL_CONNECTIONS) as pool:
        parts = [spans[number::_FILL_CONNECTIONS] for number in range(_FILL_CONNECTIONS)]
        list(pool.map(put, parts))


def check(server, operation, core):
    """Warms the server up with a run whose every answer is read."""
    expected = [operation.answer_bytes, operation.answer_start]
    _wrk(server, operation, 1, core, _GENERATIONS[-1], 0, expected)


def measure(server, operation, seconds, core, number):
    """Runs one round and answers wrk's figures.

    Some answers are read in full before; those of the run have to have exactly their size.
    """
    answer_bytes = _check_answers(server, operation, number)
    generation = _GENERATIONS[number % len(_GENERATIONS)]
    if operation.cold:
        # As long as it takes to read each key once, on the slowest server.
        seconds = max(seconds, 4)
    first = _first(operation, number)
    before = sum(map(procfs.cpu_s, server.pids))
    figures = _wrk(server, operation, seconds, core, generation, first, [])
    cpu_s = sum(map(procfs.cpu_s, server.pids)) - before
    figures["cpu_s_per_million"] = cpu_s / figures["requests"] * 1e6
    load.check_bytes(figures, answer_bytes, f"{server.name}: {operation.name}")
    if operation.kind == "put":
        _check_put(server, operation, generation)
    return figures


def put_some(server, operation, seconds=None, count=None):
    """Puts for so long, or so many one after the other; answers how many puts were answered."""
    if seconds:
        return _wrk(server, operation, seconds, None, _GENERATIONS[-1], 0, [])["requests"]
    with client.Connection(server.port) as connection:
        for number in range(count):
            _put(connection, server, operation, number, "some")
    return count


def _wrk(server, operation, seconds, core, generation, first, expected):
    size = operation.per_request or operation.bytes
    args = [operation.kind, operation.prefix, first, operation.keys, size, generation, *expected]
    return load.wrk(
        server.port, server.host, seconds, operation.connections, core=core, script="kv.lua",
        args=args,
    )


def _first(operation, number):
    return (number + 1) * _ROUND_KEYS if operation.prefix == "none" else 0


def _check_answers(server, operation, number):
    """Reads some answers in full; answers the size of one."""
    sizes = set()
    # Not keys that a cold round is to read for the first time.
    keys = 1 if operation.cold else min(_CHECKED_KEYS, operation.keys)
    with client.Connection(server.port) as connection:
        for at in range(keys):
            if operation.kind == "put":
                answer = _put(connection, server, operation, at, "check")
            else:
                path = _path(operation, at)
                answer = connection.get(server.host, path)
                client.expect(answer, _body(operation, at), what=f"{server.name}: {path}")
            sizes.add(answer.head_bytes + len(answer.body))
    if len(sizes) != 1:
        raise client.Wrong(f"{server.name}: {operation.name}: answers of sizes {sorted(sizes)}")
    return sizes.pop()


def _path(operation, at):
    if operation.kind == "list":
        return f"/list/{operation.prefix}"
    if operation.kind == "many":
        first = at * operation.per_request % operation.keys
        return f"/many/{operation.prefix}/{first}/{operation.per_request}"
    return f"/get/{key(operation.prefix, at)}"


def _body(operation, at):
    """The body that an answer has to have."""
    if operation.kind == "list":
        return "\n".join(key(operation.prefix, number) for number in range(operation.keys)).encode()
    if operation.kind == "many" or operation.prefix == "none":
        return operation.answer_start.encode()
    return f"{key(operation.prefix, at)}|".ljust(operation.bytes, "v").encode()


def _put(connection, server, operation, at, generation):
    name = key(operation.prefix, at)
    body = f"{name}|{generation}|".ljust(operation.bytes, "v").encode()
    head = f"PUT /put/{name} HTTP/1.1\r\nHost: {server.host}\r\nContent-Length: {len(body)}\r\n\r\n"
    answer = connection.request(head.encode() + body)
    return client.expect(answer, b"stored", what=f"{server.name}: put")


def _check_put(server, operation, generation):
    """What the run has put is there: the first key of it, whole and of this generation."""
    name = key(operation.prefix, _STEP % operation.keys)
    expected = f"{name}|{generation}|".ljust(operation.bytes, "v").encode()
    with client.Connection(server.port) as connection:
        client.expect(connection.get(server.host, f"/get/{name}"), expected, what=server.name)
