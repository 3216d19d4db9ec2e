"""A blocking HTTP/1.1 client that knows when it sent and when the first byte came."""

import socket
import time
from dataclasses import dataclass, field


class Wrong(Exception):
    """An answer is not what it has to be."""


@dataclass
class Answer:
    """One response and its times, in seconds from the moment the request was handed over."""

    status: int
    headers: dict
    body: bytes
    first_byte_s: float
    total_s: float
    head_bytes: int = field(default=0)


class Connection:
    """A keep-alive connection. Not for several threads."""

    def __init__(self, port, timeout_s=30.0):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout_s)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def get(self, host, path="/"):
        """Sends a GET request and reads the whole answer."""
        return self.request(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())

    def request(self, request):
        """Sends the bytes of a request and reads the whole answer."""
        clock = time.perf_counter
        began = clock()
        self._socket.sendall(request)
        data = self._socket.recv(65536)
        first_byte_s = clock() - began
        while b"\r\n\r\n" not in data:
            data += self._more()
        head, _, rest = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        body = self._body(headers, rest)
        status = int(lines[0].split(" ")[1])
        total_s = clock() - began
        return Answer(status, headers, body, first_byte_s, total_s, len(head) + 4)

    def close(self):
        """Closes the connection."""
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.close()

    def _more(self):
        data = self._socket.recv(65536)
        if not data:
            raise Wrong("the connection was closed within an answer")
        return data

    def _body(self, headers, rest):
        if headers.get("transfer-encoding") == "chunked":
            return self._chunks(rest)
        length = int(headers.get("content-length", 0))
        while len(rest) < length:
            rest += self._more()
        if len(rest) > length:
            raise Wrong(f"{len(rest) - length} bytes more than the answer's length")
        return rest

    def _chunks(self, rest):
        body = b""
        while True:
            while b"\r\n" not in rest:
                rest += self._more()
            size, _, rest = rest.partition(b"\r\n")
            size = int(size.split(b";")[0], 16)
            while len(rest) < size + 2:
                rest += self._more()
            body += rest[:size]
            rest = rest[size + 2 :]
            if size == 0:
                return body


def expect(answer, body, status=200, what="answer"):
    """Raises `Wrong` unless the answer is that one. Answers the answer."""
    if answer.status != status or (body is not None and answer.body != body):
        outcome = answer.headers.get("isolane-outcome", "-")
        raise Wrong(
            f"{what}: expected {status} {body!r}, found {answer.status} {answer.body[:200]!r} "
            f"(outcome {outcome})"
        )
    return answer
