"""Projects to bundle and to reload: a small one, one with a framework, one of a megabyte.

Not here: generated workers of one module (`bundles.py`).
"""

import json
import pathlib
import shutil
import subprocess

from .figures import progress

HONO = "4.13.19"
_LARGE_BYTES = 1_000_000
_MARK = "MARK-0"

_CONFIGURATION = """\
{{
  "name": "{name}",
  "main": "src/index.ts",
  "compatibility_date": "2026-07-01"
}}
"""

_HELLO = f"""\
export default {{
  fetch(request: Request): Response {{
    return new Response("{_MARK}\\n");
  }},
}};
"""

_HONO = f"""\
import {{ Hono }} from "hono";
import {{ cors }} from "hono/cors";
import {{ etag }} from "hono/etag";
import {{ jwt }} from "hono/jwt";

const app = new Hono();
app.use("/api/*", cors(), jwt({{ secret: "a secret", alg: "HS256" }}));
app.use("/page/*", etag());
app.get("/", (c) => c.text("{_MARK}\\n"));
app.get("/page/:name", (c) => c.html(`<h1>${{c.req.param("name")}}</h1>`));
app.get("/api/things/:id", (c) => c.json({{ id: c.req.param("id") }}));
export default app;
"""

# A module of a large application: types, a class, a table, and functions that call one another's.
_MODULE = """\
import type {{ Context, Rule }} from "../types";
import {{ check }} from "../check";
{imports}
export interface Options{n} {{
  readonly limit: number;
  readonly name?: string;
}}

const rules: Record<string, Rule> = {{
{rules}
}};

export class Service{n} {{
  private seen = new Map<string, number>();
  constructor(private readonly options: Options{n} = {{ limit: {n} }}) {{}}
  async handle(context: Context): Promise<string> {{
    for (const [name, rule] of Object.entries(rules)) {{
      if (!check(context.path, rule)) throw new TypeError(`service {n}: ${{name}}`);
    }}
    this.seen.set(context.path, (this.seen.get(context.path) ?? 0) + 1);
    return `${{this.options.name ?? "service {n}"}} ${{this.seen.get(context.path)}}`;
  }}
}}

{functions}
"""

_FUNCTION = """\
export function compute{n}_{f}(values: readonly number[], scale: number = {f}): number {{
  const kept = values.filter((value) => value % {prime} !== 0);
  const sum = kept.reduce((total, value) => total + value * scale, 0);
  return sum > {n} ? Math.round(sum / (kept.length || 1)) : sum + {f};
}}
"""

_LARGE = f"""\
import {{ routes }} from "./routes";

export default {{
  async fetch(request: Request): Promise<Response> {{
    const {{ pathname: path }} = new URL(request.url);
    const service = routes.get(path);
    if (service) return new Response(await service.handle({{ path }}));
    return new Response("{_MARK}\\n");
  }},
}};
"""


class Project:
    """A folder with a project whose answer can be changed."""

    def __init__(self, name, folder):
        self.name = name
        self.folder = pathlib.Path(folder)
        self.main = self.folder / "src" / "index.ts"
        self.mark = _MARK

    def source_bytes(self):
        """The size of its own source and of the packages' that it imports may be more."""
        return sum(file.stat().st_size for file in (self.folder / "src").rglob("*.ts"))

    def change(self, number):
        """Writes the main module so that it answers with another mark, in one step."""
        text = self.main.read_text(encoding="utf-8")
        fresh = f"MARK-{number}"
        temporary = self.folder / "changed"
        temporary.write_text(text.replace(f'"{self.mark}\\n', f'"{fresh}\\n'), encoding="utf-8")
        temporary.replace(self.main)
        self.mark = fresh

    def answer(self):
        """What `/` answers."""
        return f"{self.mark}\n".encode()


def make(folder):
    """All projects, each in a folder of its own below this one."""
    folder = pathlib.Path(folder)
    projects = [_hello(folder / "hello"), _hono(folder / "hono"), _large(folder / "large")]
    for project in projects:
        text = _CONFIGURATION.format(name=project.name)
        (project.folder / "wrangler.jsonc").write_text(text, encoding="utf-8")
    return projects


def copy(project, folder):
    """The same project in another folder."""
    shutil.copytree(project.folder, folder, symlinks=True)
    return Project(project.name, folder)


def _hello(folder):
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "index.ts").write_text(_HELLO, encoding="utf-8")
    return Project("hello", folder)


def _hono(folder):
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "index.ts").write_text(_HONO, encoding="utf-8")
    package = {"private": True, "type": "module", "dependencies": {"hono": HONO}}
    (folder / "package.json").write_text(json.dumps(package) + "\n", encoding="utf-8")
    progress("installing hono")
    command = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock"]
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"npm cannot install hono: {done.stderr}")
    return Project("hono", folder)


def _large(folder):
    services = folder / "src" / "services"
    services.mkdir(parents=True)
    types = "export interface Context { path: string }\nexport type Rule = RegExp;\n"
    (folder / "src" / "types.ts").write_text(types, encoding="utf-8")
    check = (
        'import type { Rule } from "./types";\n'
        "export const check = (path: string, rule: Rule): boolean => rule.test(path);\n"
    )
    (folder / "src" / "check.ts").write_text(check, encoding="utf-8")
    size, number = 0, 0
    while size < _LARGE_BYTES:
        text = _module(number)
        (services / f"service{number}.ts").write_text(text, encoding="utf-8")
        size += len(text)
        number += 1
    lines = [f'import * as s{n} from "./services/service{n}";' for n in range(number)]
    lines.append("export const all = {")
    lines += [f"  s{n}," for n in range(number)]
    lines.append("};")
    # Everything is reachable, so nothing of it can be left out.
    lines.append('type Service = { handle(context: { path: string }): Promise<string> };')
    lines.append("export const routes = new Map<string, Service>();")
    lines.append("for (const [name, module] of Object.entries(all)) {")
    lines.append("  for (const [key, value] of Object.entries(module)) {")
    lines.append('    if (key.startsWith("Service")) {')
    lines.append("      routes.set(`/${name}`, new (value as unknown as new () => Service)());")
    lines.append("    }")
    lines.append("  }")
    lines.append("}")
    (folder / "src" / "routes.ts").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "src" / "index.ts").write_text(_LARGE, encoding="utf-8")
    return Project("large", folder)


def _module(number):
    imports = ""
    if number > 0:
        imports = f'import {{ compute{number - 1}_0 }} from "./service{number - 1}";\n'
    primes = (3, 7, 11, 13)
    functions = [
        _FUNCTION.format(n=number, f=f, prime=primes[(number + f) % 4]) for f in range(12)
    ]
    if number > 0:
        functions.append(
            f"export const chained{number} = (values: readonly number[]) =>\n"
            f"  compute{number - 1}_0(values) + compute{number}_0(values);\n"
        )
    rules = "\n".join(f"  rule{rule}: /^[\\w./{rule}-]*$/," for rule in range(6))
    return _MODULE.format(n=number, imports=imports, rules=rules, functions="\n".join(functions))
