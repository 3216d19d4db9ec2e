"""The clients of the soak. Each actor does one kind of exchange, again and again; every answer is
checked. Not here: how exchanges are counted (`tally.py`)."""

import asyncio
import hashlib
import random
import time

from harness import load
from harness.node import Worker, handler, host

from .http import PIECE_BYTES, Link
from .tally import Unexpected, expect

GOOD = 48
HOT = 4
OFFENDERS = 4
LARGE_BYTES = 5_000_000
_SERIES_S = 10.0
_PERIOD = bytes(range(251)) * 1024

# What the node answers for each fault of a worker: status, code, outcome.
_THREW = (500, "1101", "exception")
_CPU = (503, "1102", "exceededCpu")
_MEMORY = (503, "1102", "exceededMemory")
_UNKNOWN = (404, "1001", "scriptNotFound")


def workers():
    """All workers of the soak. Offenders are workers of their own: a limit that is exceeded ends
    the isolate, and with it what else runs there."""
    named = lambda name, **limits: Worker(name, handler("soak.js").replace("NAME", name), limits)
    good = [named(f"good-{number}", cpu_ms=2000) for number in range(GOOD)]
    throws = [named(f"throws-{number}") for number in range(OFFENDERS)]
    loops = [named(f"loops-{number}", cpu_ms=20) for number in range(OFFENDERS)]
    grows = [named(f"grows-{number}", memory_mb=32, cpu_ms=5000) for number in range(OFFENDERS)]
    return [*good, *throws, *loops, *grows]


class Actors:
    """The exchanges, each a coroutine that raises when something is not as it has to be."""

    def __init__(self, port, tally, seed):
        self._port = port
        self._tally = tally
        self._random = random.Random(seed)
        self._upload = self._random.randbytes(LARGE_BYTES)
        self._upload_sha256 = hashlib.sha256(self._upload).hexdigest()
        self._large_sha256 = {}

    def all(self):
        """`(kind, exchange, how many at a time, pause in seconds between two of one)`."""
        return [
            ("warm", self.warm, 4, 0.002),
            ("cold", self.cold, 3, 0.002),
            ("fresh connection", self.fresh, 2, 0.005),
            ("upload", self.upload, 1, 0.05),
            ("echo", self.echo, 1, 0.05),
            ("large answer", self.large, 1, 0.05),
            ("slow stream", self.slow_stream, 3, 0.01),
            ("waitUntil", self.later, 2, 0.02),
            ("throws", self.throws, 1, 0.02),
            ("throws in body", self.throws_in_body, 1, 0.05),
            ("never answers", self.never, 1, 0.05),
            ("exceeds CPU", self.exceeds_cpu, 2, 0.05),
            ("exceeds memory", self.exceeds_memory, 1, 0.2),
            ("unknown host", self.unknown, 1, 0.05),
            ("abort in head", self.abort_head, 1, 0.02),
            ("abort in upload", self.abort_upload, 2, 0.02),
            ("abort before answer", self.abort_before_answer, 2, 0.02),
            ("abort in body", self.abort_body, 2, 0.02),
            ("HTTP/2 burst", self.burst, 1, 5.0),
        ]

    async def warm(self):
        """Many requests to one of few workers, over one connection."""
        name = f"good-{self._random.randrange(HOT)}"
        await self._series(lambda: name, 50)

    async def cold(self):
        """Requests to all workers over one connection; most of them have been evicted."""
        await self._series(self._good, 10)

    async def fresh(self):
        """A connection for one request."""
        name = self._good()
        async with self._link() as link:
            close = self._random.random() < 0.5
            answer = await link.get(host(name), "/", close=close)
            expect(answer.status == 200 and answer.text == name.encode(), answer, name)
            if close:
                await link.ended()

    async def upload(self):
        """A large body up, its hash back."""
        async with self._link() as link:
            await link.send_head("POST", host(self._good()), "/hash", self._length())
            await self._send_upload(link)
            answer = await link.read_head()
            await link.read_body(answer)
            expect(answer.text.decode() == self._upload_sha256, answer, "upload")

    async def echo(self):
        """A large body up and back at the same time."""
        async with self._link() as link:
            await link.send_head("POST", host(self._good()), "/echo", self._length())
            sending = asyncio.ensure_future(self._send_upload(link))
            try:
                answer = await link.read_head()
                await link.read_body(answer)
                await sending
            finally:
                sending.cancel()
            expect(answer.status == 200 and answer.sha256 == self._upload_sha256, answer, "echo")

    async def large(self):
        """A large answer, as fast as it comes."""
        size = self._random.choice([1, 251 * 256, 1_000_000, LARGE_BYTES])
        async with self._link() as link:
            answer = await link.get(host(self._good()), f"/large?n={size}")
            expected = self._sha256_of_large(size)
            expect(answer.status == 200 and answer.sha256 == expected, answer, f"large {size}")

    async def slow_stream(self):
        """An answer in pieces with waits between them."""
        name, count = self._good(), self._random.randrange(1, 20)
        async with self._link() as link:
            answer = await link.get(host(name), f"/slowly?n={count}")
            expected = "".join(f"{name} {number}\n" for number in range(count)).encode()
            expect(answer.status == 200 and answer.text == expected, answer, "slow stream")

    async def later(self):
        """Work that goes on after the answer; it shows up in the log."""
        name, number = self._good(), self._tally.promise()
        async with self._link() as link:
            answer = await link.get(host(name), f"/later?n={number}")
            expect(answer.text == f"{name} promises".encode(), answer, "waitUntil")
        self._tally.promised.add(number)

    async def throws(self):
        """A handler that throws."""
        await self._fails(f"throws-{self._random.randrange(OFFENDERS)}", "/throw", _THREW)

    async def throws_in_body(self):
        """A body that breaks off: the client must not take it for a whole one."""
        async with self._link() as link:
            name = f"throws-{self._random.randrange(OFFENDERS)}"
            await link.send_head("GET", host(name), "/throw-in-body")
            try:
                answer = await link.read_head()
                await link.read_body(answer)
            except (asyncio.IncompleteReadError, ConnectionResetError):
                return
            raise Unexpected(f"a body that broke off looks whole: {answer.text!r}")

    async def never(self):
        """A handler whose answer can never come."""
        await self._fails(f"throws-{self._random.randrange(OFFENDERS)}", "/never", _THREW)

    async def exceeds_cpu(self):
        """A handler that loops for ever."""
        await self._fails(f"loops-{self._random.randrange(OFFENDERS)}", "/loop", _CPU)

    async def exceeds_memory(self):
        """A handler that keeps objects or buffers for ever."""
        path = self._random.choice(["/grow", "/buffers"])
        await self._fails(f"grows-{self._random.randrange(OFFENDERS)}", path, _MEMORY)

    async def unknown(self):
        """A host that leads to no worker."""
        await self._fails("nobody", "/", _UNKNOWN)

    async def abort_head(self):
        """Goes away within the head of a request."""
        link = await Link.open(self._port)
        await link.send(f"GET / HTTP/1.1\r\nHost: {host(self._good())}\r\nX-Half".encode())
        await self._pause(0.01)
        link.abort(self._coin())

    async def abort_upload(self):
        """Goes away within a large body."""
        link = await Link.open(self._port)
        path = self._random.choice(["/hash", "/echo"])
        await link.send_head("POST", host(self._good()), path, self._length())
        size = self._random.randrange(LARGE_BYTES // 4)
        try:
            # An echo that nobody reads stops the upload, as it should.
            await asyncio.wait_for(link.send(self._upload[:size]), 0.5)
        except asyncio.TimeoutError:
            pass
        link.abort(self._coin())

    async def abort_before_answer(self):
        """Goes away while the handler waits."""
        link = await Link.open(self._port)
        await link.send_head("GET", host(self._good()), "/wait?n=200")
        await self._pause(0.1)
        link.abort(self._coin())

    async def abort_body(self):
        """Goes away within an answer, a fast or a slow one."""
        path = self._random.choice([f"/large?n={LARGE_BYTES * 4}", "/slowly?n=1000"])
        link = await Link.open(self._port)
        try:
            await link.send_head("GET", host(self._good()), path)
            answer = await link.read_head()
            expect(answer.status == 200, answer, path)
            left = self._random.randrange(1, 10)
            async for _ in link.pieces(answer):
                left -= 1
                if left == 0:
                    break
        finally:
            link.abort(self._coin())

    async def burst(self):
        """Streams over a few HTTP/2 connections."""
        name = self._good()
        figures = await asyncio.to_thread(load.h2load, self._port, host(name), requests=2000)
        if figures["failed"] or figures["succeeded"] != 2000:
            raise Unexpected(f"h2load at {name}: {figures}")

    async def greet(self, name):
        """One request to a worker, whatever it did before."""
        async with self._link() as link:
            answer = await link.get(host(name), "/")
            expect(answer.status == 200 and answer.text == name.encode(), answer, name)

    async def _series(self, pick, count):
        # On a busy machine many requests in a row take long without any of them being stuck.
        ends = time.monotonic() + _SERIES_S
        async with self._link() as link:
            while count and time.monotonic() < ends:
                count -= 1
                name = pick()
                answer = await link.get(host(name), "/")
                expect(answer.status == 200 and answer.text == name.encode(), answer, name)

    async def _fails(self, name, path, failure):
        async with self._link() as link:
            answer = await link.get(host(name), path)
            expect(answer.failure == failure, answer, f"{name}{path}, expected {failure}")

    async def _send_upload(self, link):
        for start in range(0, LARGE_BYTES, PIECE_BYTES):
            await link.send(self._upload[start : start + PIECE_BYTES])

    def _link(self):
        return _Opened(self._port)

    def _good(self):
        return f"good-{self._random.randrange(GOOD)}"

    def _coin(self):
        return self._random.random() < 0.5

    async def _pause(self, most_s):
        await asyncio.sleep(self._random.random() * most_s)

    def _sha256_of_large(self, size):
        if size not in self._large_sha256:
            whole = _PERIOD * (size // len(_PERIOD) + 1)
            self._large_sha256[size] = hashlib.sha256(whole[:size]).hexdigest()
        return self._large_sha256[size]

    @staticmethod
    def _length():
        return f"Content-Length: {LARGE_BYTES}"


class _Opened:
    """A connection for the length of a block; a fault within it drops the connection."""

    def __init__(self, port):
        self._port = port
        self._link = None

    async def __aenter__(self):
        self._link = await Link.open(self._port)
        return self._link

    async def __aexit__(self, kind, *_error):
        if kind is None:
            await self._link.close()
        else:
            self._link.abort(reset=False)
