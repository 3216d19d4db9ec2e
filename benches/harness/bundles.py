"""Generated workers: small ones, and large ones of about the size of a framework's bundle."""

from .node import Worker

_LARGE_BYTES = 500_000

_SMALL = """\
// Worker {name}.
const greeting = "hello from {name}\\n";

function headers(url) {{
  return {{ "content-type": "text/plain", "x-path": url.pathname }};
}}

export default {{
  fetch(request) {{
    return new Response(greeting, {{ headers: headers(new URL(request.url)) }});
  }},
}};
"""

# One part of a large bundle: a class, a closure, a table and a pattern, of which the top-level
# code makes a little and a request uses one in eight, as with a framework and its libraries.
_PART = """\
class Part{number} extends Base {{
  constructor(options = {{}}) {{
    super(options);
    this.kind = "part{number}";
    this.seen = new Map();
  }}
  check(value) {{
    if (typeof value !== "string") {{
      throw new TypeError(`part {number}: expected text, found ${{value}}`);
    }}
    for (const [name, rule] of Object.entries(rules{number})) {{
      if (!rule.test(value)) return {{ ok: false, error: messages{number}[name] ?? "unknown" }};
    }}
    return {{ ok: true, value: this.transform(value) }};
  }}
  transform(value) {{
    return value.replace(/{number}(\\d+)/g, (_, digits) => String(+digits + {number}));
  }}
  async apply(context, next) {{
    const started = this.seen.size;
    try {{ await next(); }} catch (error) {{ context.errors.push([this.kind, error]); }}
    this.seen.set(context.path, started);
  }}
}}
const rules{number} = {{ short: /^.{{0,64}}$/, plain: /^[\\w./-]*$/ }};
const messages{number} = {{ short: "part {number}: too long", plain: "part {number}: not plain" }};
register("/part/{number}/:id", () => new Part{number}({{ limit: {number} }}));
"""

_LARGE_HEAD = """\
const registry = new Map();
function register(path, make) { registry.set(path, make); }
class Base { constructor(options) { this.options = { limit: 10, ...options }; } }
"""

_LARGE_TAIL = """\
const made = [...registry.values()].filter((_, number) => number % 8 === 0).map((make) => make());
export default {{
  async fetch(request) {{
    const path = new URL(request.url).pathname;
    const context = {{ path, errors: [] }};
    for (const part of made) {{
      if (!part.check(path).ok) return new Response("bad path", {{ status: 400 }});
      await part.apply(context, () => {{}});
    }}
    return new Response("hello from {name}\\n");
  }},
}};
"""


def small(name, **limits):
    """A worker of a few lines."""
    return Worker(name, _SMALL.format(name=name), limits)


def large(name, **limits):
    """A worker of 500 KB. Its text differs from every other one's, so no cache is shared."""
    parts = [f"// Worker {name}.\n", _LARGE_HEAD]
    size, number = 0, 0
    while size < _LARGE_BYTES:
        part = _PART.format(number=number)
        parts.append(part)
        size += len(part)
        number += 1
    return Worker(name, "".join(parts) + _LARGE_TAIL.format(name=name), limits)


def answer(name):
    """What such a worker answers."""
    return f"hello from {name}\n".encode()
