"""Sends the requests of `checks.json` to a server, and compares what two servers answer. Where an
answer has the server's own address, it is read as `localhost`."""

import concurrent.futures
import http.client
import json
import os
import re
from dataclasses import dataclass

_TIMEOUT_S = 60.0
# So many characters that are the same are shown before the first that is not.
_BEFORE = 40
# What a server says of the connection, of itself or of the moment, and not of the answer.
_OWN_HEADERS = {
    "alt-svc", "cf-cache-status", "cf-ray", "connection", "content-length", "date", "keep-alive",
    "nel", "report-to", "server", "transfer-encoding",
}


@dataclass
class Answer:
    """An answer: names of headers in lower case, the values of a repeated one joined."""

    status: int
    headers: dict
    body: bytes


# Two such values say the same: that one was made.
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def ask_all(checks, server, upstream):
    """The answers to all checks in their order: lists, for a check may be asked `at_once`."""
    kept = {"upstream": upstream, "origin": f"http://{server.host}"}
    answers = []
    for check in checks["checks"]:
        copies = check.get("at_once", 1)
        filled = [_filled(check, {**kept, "n": str(n)}) for n in range(copies)]
        with concurrent.futures.ThreadPoolExecutor(copies) as pool:
            found = list(pool.map(lambda it: _ask(server, it["request"]), filled))
        for name, part in check.get("keep", {}).items():
            kept[name] = _part_of(found[0], part) or ""
        answers.append([(one["response"], answer) for one, answer in zip(filled, found)])
    return answers


def differences(ours, theirs):
    """In what the answers to one check differ: a text for each thing."""
    found = []
    for (expected, our), (_, their) in zip(ours, theirs):
        if our.status != their.status:
            found.append(f"status {our.status}, not {their.status}")
            # The rest follows from it.
            continue
        if "isolane-error" in our.headers:
            # What is said of an exception is each server's own.
            continue
        patterns = expected.get("headers", {})
        names = (our.headers.keys() | their.headers.keys()) - _OWN_HEADERS
        for name in sorted(name for name in names if not name.startswith("isolane-")):
            our_value, their_value = our.headers.get(name), their.headers.get(name)
            if _told(our_value) == _told(their_value):
                continue
            if _both(patterns.get(name), our_value, their_value):
                continue
            found.append(f"{name}: {our_value!r}, not {their_value!r}")
        if our.body != their.body and not _bodies(expected, our.body, their.body):
            found.append(_parted(our.body, their.body))
    return found


def problems(answers):
    """In what the answers to one check are not as it expects; coarser than the tests of CI."""
    found = []
    for expected, answer in answers:
        if answer.status != expected.get("status", 200):
            found.append(f"status {answer.status} {_short(_text(answer.body))}")
            continue
        for name, pattern in expected.get("headers", {}).items():
            value = answer.headers.get(name)
            if (value is None) != (pattern is None) or (pattern and not _matches(pattern, value)):
                found.append(f"{name}: {value!r}, not {pattern!r}")
        if not _as_expected(expected, answer.body):
            found.append(f"body {_short(_text(answer.body))}")
    return found


def _ask(server, request):
    headers = {"Host": server.host, **request.get("headers", {})}
    body = request.get("body")
    if "json" in request:
        headers["content-type"] = "application/json"
        body = json.dumps(request["json"], separators=(",", ":"), ensure_ascii=False)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=_TIMEOUT_S)
    try:
        method = request.get("method", "GET")
        encoded = body.encode() if body is not None else None
        connection.request(method, request["path"], encoded, headers)
        response = connection.getresponse()
        found = {}
        for name, value in response.getheaders():
            name = name.lower()
            found[name] = f"{found[name]}, {value}" if name in found else value
        own = server.host.encode()
        body = response.read().replace(own, b"localhost")
        found = {name: value.replace(server.host, "localhost") for name, value in found.items()}
        return Answer(response.status, found, body)
    except (OSError, http.client.HTTPException) as error:
        return Answer(0, {}, f"no answer: {error!r}".encode())
    finally:
        connection.close()


def _part_of(answer, part):
    kind, name = part.split(" ", 1)
    if kind == "header":
        return answer.headers.get(name)
    try:
        value = json.loads(answer.body)
        for key in name.split("/")[1:]:
            value = value[int(key)] if isinstance(value, list) else value[key]
    except (ValueError, KeyError, IndexError, TypeError):
        return None
    return value if isinstance(value, str) else None


def _filled(value, known):
    if isinstance(value, str):
        return re.sub(r"\$\{(\w+)\}", lambda it: known.get(it[1], it[0]), value)
    if isinstance(value, list):
        return [_filled(item, known) for item in value]
    if isinstance(value, dict):
        return {key: _filled(item, known) for key, item in value.items()}
    return value


def _told(value):
    return value and _UUID.sub("UUID", value)


def _both(pattern, *values):
    return pattern is not None and all(value and _matches(pattern, value) for value in values)


def _bodies(expected, *bodies):
    """Whether bodies that differ are both what the check expects of the whole body."""
    if "text" in expected or "json" in expected:
        return all(_as_expected(expected, body) for body in bodies)
    return False


def _as_expected(expected, body):
    text = _text(body)
    if "text" in expected and not _matches(expected["text"], text):
        return False
    if "bytes" in expected and bytes(expected["bytes"]) != body:
        return False
    if "json" in expected:
        try:
            if not _is_like(expected["json"], json.loads(body)):
                return False
        except ValueError:
            return False
    return all(part in text for part in expected.get("contains", []))


def _is_like(expected, found):
    if isinstance(expected, str) and isinstance(found, str):
        return _matches(expected, found)
    if isinstance(expected, list) and isinstance(found, list):
        return len(expected) == len(found) and all(map(_is_like, expected, found))
    if isinstance(expected, dict) and isinstance(found, dict):
        if found.keys() - expected.keys():
            return False
        return all(_is_like(value, found.get(name)) for name, value in expected.items())
    if isinstance(expected, bool) or isinstance(found, bool):
        return expected is found
    return expected == found


def _matches(pattern, text):
    parts = (re.escape(part) for part in pattern.split("*"))
    return re.fullmatch(".*".join(parts), text, re.DOTALL) is not None


def _parted(*bodies):
    """Two bodies from a little before where they begin to differ."""
    texts = [_text(body) for body in bodies]
    begins = max(len(os.path.commonprefix(texts)) - _BEFORE, 0)
    where = f" from character {begins}" if begins else ""
    ours, theirs = (_short(text[begins:]) for text in texts)
    return f"body{where} {ours}, not {theirs}"


def _text(body):
    return body.decode("utf-8", errors="replace")


def _short(text):
    text = repr(text)
    return text if len(text) <= 160 else f"{text[:157]}..."
