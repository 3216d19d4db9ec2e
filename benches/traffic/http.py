"""An asyncio HTTP/1.1 client that can send slowly, read slowly and go away at any moment."""

import asyncio
import hashlib
import socket
import struct

PIECE_BYTES = 64 << 10
# Bodies up to this size are kept; of longer ones only the length and the hash.
_KEPT_BYTES = 4096


class Answer:
    """A response: its head, and what was read of its body."""

    def __init__(self, status, headers):
        self.status = status
        self.headers = headers
        self.text = b""
        self.length = 0
        self._hash = hashlib.sha256()

    @property
    def sha256(self):
        """The hash of the body, in hexadecimal."""
        return self._hash.hexdigest()

    @property
    def failure(self):
        """`(status, code, outcome)` of an error answer of the node."""
        return (
            self.status,
            self.headers.get("isolane-error"),
            self.headers.get("isolane-outcome"),
        )

    def add(self, piece):
        """Takes a piece of the body."""
        self._hash.update(piece)
        self.length += len(piece)
        if self.length <= _KEPT_BYTES:
            self.text += piece


class Link:
    """One connection."""

    def __init__(self, reader, writer):
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port):
        """Connects."""
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=1 << 18))

    async def get(self, host, path, close=False):
        """A whole GET request and its whole answer."""
        await self.send_head("GET", host, path, "Connection: close" if close else None)
        answer = await self.read_head()
        await self.read_body(answer)
        return answer

    async def send_head(self, method, host, path, field=None):
        """Sends the head of a request."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *([field] if field else [])]
        await self.send("\r\n".join([*lines, "", ""]).encode())

    async def send(self, data):
        """Sends bytes as they are."""
        self._writer.write(data)
        await self._writer.drain()

    async def read_head(self):
        """Reads the head of an answer."""
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        fields = (line.partition(":") for line in lines if line)
        headers = {name.lower(): value.strip() for name, _, value in fields}
        return Answer(int(first.split(" ")[1]), headers)

    async def read_body(self, answer):
        """Reads the body to its end."""
        async for piece in self.pieces(answer):
            answer.add(piece)

    async def pieces(self, answer):
        """The pieces of a body as they come; an early end is an `IncompleteReadError`."""
        if answer.headers.get("transfer-encoding") != "chunked":
            left = int(answer.headers.get("content-length", 0))
            while left:
                piece = await self._read_some(min(left, PIECE_BYTES))
                left -= len(piece)
                yield piece
            return
        while True:
            size = int((await self._reader.readuntil(b"\r\n"))[:-2], 16)
            left = size
            while left:
                piece = await self._read_some(min(left, PIECE_BYTES))
                left -= len(piece)
                yield piece
            await self._reader.readexactly(2)
            if size == 0:
                return

    async def ended(self):
        """Waits until the server closes the connection; bytes before that are an error."""
        if await self._reader.read(1):
            raise asyncio.IncompleteReadError(b"", 0)

    async def close(self):
        """Closes the connection in an orderly way."""
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except OSError:
            pass

    def abort(self, reset):
        """Goes away at once; with a reset the server hears of it at its next read or write."""
        if reset:
            link = self._writer.get_extra_info("socket")
            linger = struct.pack("ii", 1, 0)
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._writer.transport.abort()

    async def _read_some(self, most):
        piece = await self._reader.read(most)
        if not piece:
            raise asyncio.IncompleteReadError(b"", most)
        return piece
