"""Ten thousand workers with crons, queues and services: a start, and events on time."""

import time
from datetime import datetime

from harness import client
from harness.deployed import DeployedNode
from harness.figures import distribution, progress, table

_DATE = "2026-07-01"
_ISOLATES = 500
_MINUTES = 2
_REST_S = 3.0
_PATIENCE_S = 60.0
# How many of the queues get a message, and of the services are called.
_SAMPLE = 500
_CALLED = 50

_MESSAGE = {"body": "message", "content_type": "text"}
_CRON = "export default { scheduled() {} };\n// {number}\n"
_CONSUMER = "export default { queue() {} };\n// {number}\n"
_SERVICE = """\
import {{ WorkerEntrypoint }} from "cloudflare:workers";
export class Api extends WorkerEntrypoint {{
  name() {{
    return {number};
  }}
  next() {{
    return this.env.NEXT.name();
  }}
}}
"""
_FRONT = """\
export default {
  async fetch(request, env) {
    return Response.json(await env[new URL(request.url).searchParams.get("service")].next());
  },
};
"""


def run(options):
    """Deploys the workers, starts the node again, and waits for what happens by itself."""
    each = 100 if options.quick else 3_333
    running = DeployedNode(
        options.isolane, "warn,isolane::event=info", f"[limits]\nisolates = {_ISOLATES}\n"
    )
    running.start()
    results = {"workers": 3 * each + 1, "deploy_ms": _deploy_all(running, each)}
    starts = {}
    for way, end in (("SIGTERM", running.stop), ("SIGKILL", running.kill)):
        end()
        starts[way] = running.start(poll_s=0.001) * 1e3
        time.sleep(_REST_S)
    results.update(started_ms=starts, rss_mib=running.rss_bytes / 2**20)
    try:
        results["crons_late_ms"] = _crons(running, each)
        results["queues_s"] = _queues(running, each)
        _services(running, each)
    finally:
        running.stop()
    return _report(results)


def _deploy_all(running, each):
    began = time.monotonic()
    called = range(0, each - 1, max(1, (each - 1) // _CALLED))
    with running.admin() as admin:
        for number in reversed(range(each)):
            crons = [f"{number % 60} * * * *"]
            running.deploy(admin, f"cron-{number}", _CRON.replace("{number}", str(number)), _settings(crons=crons))
            consumers = [{"max_batch_timeout": 0, "queue": f"queue-{number}"}]
            running.deploy(
                admin,
                f"consumer-{number}",
                _CONSUMER.replace("{number}", str(number)),
                _settings(queue_consumers=consumers),
            )
            # Of the last one nobody asks for the next.
            services = [_service("NEXT", min(number + 1, each - 1))]
            running.deploy(
                admin, f"service-{number}", _SERVICE.format(number=number), _settings(services=services)
            )
            if (each - number) % 100 == 0:
                took_s = time.monotonic() - began
                progress(f"many: {each - number} of {each} workers of each kind after {took_s:.0f} s")
        services = [_service(f"S{number}", number) for number in called]
        running.deploy(admin, "front", _FRONT, _settings(services=services))
    return (time.monotonic() - began) / (3 * each) * 1e3


def _settings(**settings):
    return {"compatibility_date": _DATE, **settings}


def _service(binding, number):
    return {"binding": binding, "entrypoint": "Api", "service": f"service-{number}"}


def _crons(running, each):
    """How late the crons of some minutes begin, in milliseconds; each that is due does so once."""
    first = int(time.time() // 60) + 1
    progress(f"many: waiting for {_MINUTES} minutes")
    late, ran = [], {}
    ends = (first + _MINUTES) * 60 + _PATIENCE_S
    due = sum(len(range(minute % 60, each, 60)) for minute in range(first, first + _MINUTES))
    while len(late) < due:
        if time.time() > ends:
            raise client.Wrong(f"{len(late)} crons have run of {due}")
        time.sleep(1.0)
        late.clear()
        ran.clear()
        for line in running.log():
            if line.get("kind") != "scheduled":
                continue
            began = datetime.fromisoformat(line["timestamp"]).timestamp() - line["wall_ms"] / 1e3
            minute = int(began // 60)
            if not first <= minute < first + _MINUTES:
                continue
            key = (line["worker"], minute)
            if line["outcome"] != "ok" or key in ran:
                raise client.Wrong(f"{key}: {line['outcome']}, or more than once")
            ran[key] = True
            late.append((began - minute * 60) * 1e3)
    wrong = [(worker, minute) for worker, minute in ran if int(worker.partition("-")[2]) % 60 != minute % 60]
    if wrong or len(late) != due:
        raise client.Wrong(f"{len(late)} crons have run of {due}; not due: {wrong[:3]}")
    return distribution(late, parts=(0.5, 0.99))


def _queues(running, each):
    """Sends a message to many queues; answers the seconds until all are handled."""
    numbers = range(0, each, max(1, each // _SAMPLE))
    before = _handled(running)
    began = time.monotonic()
    with running.admin() as admin:
        for number in numbers:
            running.ask(admin, "POST", f"/v1/queues/queue-{number}/messages", _MESSAGE)
        sent_s = time.monotonic() - began
        while (handled := _handled(running) - before) < len(numbers):
            if time.monotonic() - began > _PATIENCE_S:
                raise client.Wrong(f"{handled} messages of {len(numbers)} are handled")
            time.sleep(0.05)
    return {"messages": len(numbers), "sent_s": sent_s, "handled_s": time.monotonic() - began}


def _handled(running):
    return sum(line.get("kind") == "queue" and line["outcome"] == "ok" for line in running.log())


def _services(running, each):
    """Calls a worker through another, from the only one with a route."""
    with client.Connection(running.port) as connection:
        for number in range(0, each - 1, max(1, (each - 1) // _CALLED)):
            answer = connection.get("front.localhost", f"/?service=S{number}")
            client.expect(answer, str(number + 1).encode(), what=f"service-{number}")


def _report(results):
    crons, queues, starts = results["crons_late_ms"], results["queues_s"], results["started_ms"]
    rows = [
        ["a deploy, its check included", f"{results['deploy_ms']:.1f} ms"],
        *([f"start to first answer, after {way}", f"{ms:.0f} ms"] for way, ms in starts.items()),
        ["memory then", f"{results['rss_mib']:.0f} MiB"],
        [f"{crons['n']} crons begin after their minute: p50", f"{crons['p50']:.0f} ms"],
        ["p99, latest", f"{crons['p99']:.0f} ms, {crons['max']:.0f} ms"],
        [
            f"{queues['messages']} messages to as many queues: sent, all handled after",
            f"{queues['sent_s']:.2f} s, {queues['handled_s']:.2f} s",
        ],
    ]
    table(f"{results['workers']:,} workers, a third each with crons, queues and services", ["what", "figure"], rows)
    return results
