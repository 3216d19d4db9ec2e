"""Clients of the siege that attack the node by how they speak: bodies that stall, answers that nobody
reads, windows that stay shut, silence. Each takes a connection and keeps it as long as it is let."""

import asyncio
import struct

from harness.node import host

_HOLD_S = 120.0
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_SETTINGS, _HEADERS, _PING = 4, 1, 6
_ACK = 1
_END_STREAM_AND_HEADERS = 5
_INITIAL_WINDOW_SIZE = 4
_STREAMS = 100


class Intruders:
    """Each method holds one connection to a worker that answers with a large body."""

    def __init__(self, port, admin_port, large):
        self._port = port
        self._admin_port = admin_port
        self._large = host(large)

    def all(self):
        """`(name, coroutine function, how many at a time)`."""
        return [
            ("stalled chunk", self.stalled_chunk, 100),
            ("stalled length", self.stalled_length, 100),
            ("slow head", self.slow_head, 100),
            ("unread answer", self.unread, 60),
            ("shut window", self.shut_window, 2),
            ("silent admin client", self.silent_admin, 64),
        ]

    async def stalled_chunk(self):
        """A chunked body that stops."""
        head = f"POST / HTTP/1.1\r\nHost: {self._large}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"
        await self._hold(self._port, head.encode())

    async def stalled_length(self):
        """A body of which one byte comes."""
        head = f"POST / HTTP/1.1\r\nHost: {self._large}\r\nContent-Length: 70000\r\n\r\na"
        await self._hold(self._port, head.encode())

    async def slow_head(self):
        """A head that goes on for ever."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(f"GET / HTTP/1.1\r\nHost: {self._large}\r\n".encode())
            for number in range(int(_HOLD_S)):
                writer.write(f"X-{number}: a\r\n".encode())
                await writer.drain()
                if await _is_closed(reader, 1.0):
                    return
        finally:
            writer.transport.abort()

    async def unread(self):
        """A large answer that nobody reads."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=1024)
        try:
            writer.write(f"GET / HTTP/1.1\r\nHost: {self._large}\r\n\r\n".encode())
            writer.transport.pause_reading()
            await asyncio.sleep(_HOLD_S)
        finally:
            del reader
            writer.transport.abort()

    async def shut_window(self):
        """An HTTP/2 connection with a window of zero for each answer, and pings that are answered."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            settings = struct.pack(">HI", _INITIAL_WINDOW_SIZE, 0)
            writer.write(_PREFACE + _frame(_SETTINGS, 0, 0, settings))
            for number in range(_STREAMS):
                block = _header_block(self._large)
                writer.write(_frame(_HEADERS, _END_STREAM_AND_HEADERS, 2 * number + 1, block))
            await asyncio.wait_for(self._answer_pings(reader, writer), _HOLD_S)
        except asyncio.TimeoutError:
            pass
        finally:
            writer.transport.abort()

    async def silent_admin(self):
        """A connection to the admin API that says nothing."""
        await self._hold(self._admin_port, b"")

    async def _answer_pings(self, reader, writer):
        while True:
            head = await reader.readexactly(9)
            length, kind, flags = int.from_bytes(head[:3], "big"), head[3], head[4]
            payload = await reader.readexactly(length)
            if kind == _SETTINGS and not flags & _ACK:
                writer.write(_frame(_SETTINGS, _ACK, 0, b""))
            if kind == _PING and not flags & _ACK:
                writer.write(_frame(_PING, _ACK, 0, payload))

    async def _hold(self, port, data):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(data)
            await _is_closed(reader, _HOLD_S)
        finally:
            writer.transport.abort()


async def _is_closed(reader, within_s):
    """Reads until the node closes the connection; answers whether it did in time."""

    async def to_end():
        while await reader.read(65536):
            pass

    try:
        await asyncio.wait_for(to_end(), within_s)
    except asyncio.TimeoutError:
        return False
    return True


def _frame(kind, flags, stream, payload):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def _header_block(authority):
    """GET, http and / are entries of the static table (RFC 7541, appendix A); the host is a literal."""
    name = authority.encode()
    return bytes([0x82, 0x86, 0x84, 0x01, len(name)]) + name
