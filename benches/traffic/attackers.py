"""The workers of the siege that try to end, fill, starve or silence their node: one group for each
kind of harm. Not here: clients that attack without a worker (`intruders.py`), who asks these workers
and what is judged (`siege.py`)."""

from dataclasses import dataclass, field

from harness.node import Worker


@dataclass
class Attack:
    """A worker that does harm when it is asked, how many clients ask it, and how many such workers
    there are."""

    name: str
    body: str
    top: str = ""
    clients: int = 1
    copies: int = 1
    limits: dict = field(default_factory=dict)
    settings: list = field(default_factory=list)

    def workers(self):
        """One worker for each copy."""
        source = (
            f"{self.top}\nexport default {{ async fetch(request, env, ctx) {{ {self.body}\n"
            "return new Response('done') } }\n"
        )
        named = lambda copy: self.name if self.copies == 1 else f"{self.name}-{copy}"
        return [
            Worker(named(copy), source, self.limits, settings=self.settings)
            for copy in range(self.copies)
        ]


_KEEP = "globalThis.kept ??= [];"
_SPIN = "for (;;);"

# A call of a Wasm export that suspends for ever: a page with its stack, each time.
_SUSPENDS = """
const bytes = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 2, 7, 1, 1, 109, 1, 102, 0, 0,
  3, 2, 1, 0, 7, 5, 1, 1, 103, 0, 1, 10, 6, 1, 4, 0, 16, 0, 11]);
const imports = { m: { f: new WebAssembly.Suspending(() => new Promise(() => {})) } };
const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), imports);
const call = WebAssembly.promising(exports.g);
"""
_UNSAFE = ['compatibility_flags = ["unsafe_eval"]']

GROUPS = {
    "kills": [
        Attack("host-object", 'structuredClone({ [Symbol.for("Deno.core.hostObject")]: () => ({ type: "x" }) })'),
        Attack(
            "headers",
            "const headers = {}; for (let i = 0; i < 40000; i++) headers['a' + i] = 'b';"
            "return new Response('', { headers })",
        ),
        Attack("error", 'throw new Error("x".repeat(2 ** 29 - 24))'),
        Attack("stack", 'new Error("x".repeat(2 ** 29 - 30)).stack'),
        Attack("pattern", 'new RegExp("(?:" + "a|".repeat(3e6) + ")", "v").test("b")'),
        Attack("url-pattern", 'new URLPattern({ pathname: "/" + "(a)".repeat(40000) })'),
        Attack("big-int", 'BigInt("9".repeat(3e7))'),
        Attack("replace", 'globalThis.kept = "a".repeat(2 ** 26).replaceAll("a", "bb")'),
        Attack("suspended", f"{_KEEP} for (let i = 0; i < 800; i++) kept.push(call())", top=_SUSPENDS, settings=_UNSAFE),
    ],
    "built-ins": [
        Attack(f"sparse-{index}", f"Array.prototype.{call}")
        for index, call in enumerate(
            [
                "includes.call({ length: 2 ** 53 - 1 }, 1)",
                "reverse.call({ length: 2 ** 53 - 1 })",
                "lastIndexOf.call({ length: 2 ** 53 - 1 }, 1)",
                "sort.call({ length: 2 ** 53 - 1, 5: 1, 1e9: 0 })",
            ]
        )
    ],
    "memory": [
        Attack(
            "compression",
            f"{_KEEP} for (let i = 0; i < 200; i++) {{ const s = new CompressionStream('gzip');"
            "s.writable.getWriter().write(new Uint8Array(1)); kept.push(s) }",
        ),
        Attack(
            "shake",
            "await Promise.all(Array.from({ length: 40 }, () => crypto.subtle.digest("
            "{ name: 'cSHAKE128', outputLength: 2 ** 32 - 8 }, new Uint8Array(1))))",
        ),
        Attack(
            "wasm-memory",
            f"{_KEEP} const m = new WebAssembly.Memory({{ initial: 1 }}); kept.push(m);"
            "for (let i = 0; i < 40; i++) { m.grow(16); new Uint8Array(m.buffer).fill(1) }",
        ),
        Attack("reserved", f"{_KEEP} for (let i = 0; i < 50; i++) kept.push(new WebAssembly.Memory({{ initial: 0, maximum: 65536 }}))"),
        Attack("answer", 'return new Response("x".repeat(2 ** 29 - 24))', clients=3, limits={"cpu_ms": 2000}),
        Attack("ports", f"{_KEEP} const c = new MessageChannel(); kept.push(c); for (let i = 0; i < 100; i++) c.port1.postMessage(new Uint8Array(65536))"),
        Attack(
            "keys",
            f"{_KEEP} for (let i = 0; i < 20; i++) kept.push(await crypto.subtle.importKey('raw',"
            "new Uint8Array(1 << 20), { name: 'HMAC', hash: 'SHA-1' }, true, ['sign']))",
        ),
        Attack(
            "holder",
            "globalThis.held ??= Array.from({ length: 110 }, () => new Uint8Array(1 << 20).fill(1))",
            copies=14,
        ),
    ],
    "processor": [
        Attack("loop", _SPIN, clients=8, limits={"cpu_ms": 30000}),
        Attack("short-loop", _SPIN, clients=40),
        Attack("many-loops", _SPIN, copies=16),
        Attack(
            "stray",
            "const e = new Uint8Array(1); (async () => { for (;;) { const t = performance.now();"
            "for (let i = 0; i < 4e5; i++) Math.sqrt(i); await crypto.subtle.digest('SHA-1', e) } })();"
            "return new Response('x')",
        ),
        Attack("digests", "await Promise.all(Array.from({ length: 100 }, () => crypto.subtle.digest({ name: 'cSHAKE128', outputLength: 1 << 24 }, new Uint8Array(1))))"),
        Attack("rsa", "await crypto.subtle.generateKey({ name: 'RSA-OAEP', modulusLength: 4096, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-1' }, true, ['encrypt', 'decrypt'])"),
        Attack(
            "derive",
            "const k = await crypto.subtle.importKey('raw', new Uint8Array(8), 'PBKDF2', false, ['deriveBits']);"
            "await crypto.subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-512', salt: new Uint8Array(8), iterations: 100000 }, k, 2 ** 31 - 8)",
        ),
    ],
    "network": [
        Attack(
            "look-ups",
            "await Promise.allSettled(Array.from({ length: 50 }, () => fetch('http://' + crypto.randomUUID() + '.test/')))",
            clients=30,
        ),
        Attack(
            "stalls",
            "await Promise.allSettled(Array.from({ length: 1000 }, () => fetch('http://127.0.0.1:STALL/')))",
            clients=3,
            limits={"subrequests": 1000},
        ),
    ],
    "logs": [
        Attack("chatty", "for (let i = 0; i < 500; i++) console.log('x'.repeat(10000) + i)", clients=4),
        Attack("large-throw", "throw new Error('x'.repeat(1e7))"),
        Attack("start-throw", "", top='throw new Error("x".repeat(1e8))'),
    ],
}


def workers(groups, stall_port):
    """The workers of the groups; `STALL` in a source is the port of a server that never answers."""
    made = [worker for group in groups for attack in GROUPS.get(group, []) for worker in attack.workers()]
    for worker in made:
        worker.source = worker.source.replace("STALL", str(stall_port))
    return made


def asked(groups):
    """`(hostname's worker, clients)` of each worker of the groups."""
    return [
        (worker.name, attack.clients)
        for group in groups
        for attack in GROUPS.get(group, [])
        for worker in attack.workers()
    ]
