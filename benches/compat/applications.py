"""The applications of `cli/tests/apps`: which there are, their packages, copies to serve from."""

import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
from dataclasses import dataclass

from harness.figures import progress

APPS = pathlib.Path(__file__).resolve().parents[2] / "cli" / "tests" / "apps"
# Those that share one package.json, and what they send requests to.
SHARED = APPS / "popular"
# Those that their framework has to build; CI has neither the time nor the Node for it.
FRAMEWORKS = APPS / "frameworks"
# As the tests install them: `cli/tests/apps/harness/npm.rs`.
_INSTALL = ["npm", "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"]
# As their authors do: what a framework runs at installation is not needed.
_BUILD = [
    ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund"],
    ["npm", "run", "build"],
]
_CONFIGURATIONS = ("wrangler.jsonc", "wrangler.json", "wrangler.toml", "isolane.toml")
_MAIN = re.compile(r'"?\bmain\b"?\s*[:=]\s*"([^"]+)"')
_NO_BUNDLE = re.compile(r'"?\bno_bundle\b"?\s*[:=]\s*true\b')


@dataclass
class Application:
    """An application: its folder, and the folder that has its package.json."""

    name: str
    folder: pathlib.Path
    root: pathlib.Path

    @property
    def checks(self):
        """What `checks.json` says."""
        return json.loads((self.folder / "checks.json").read_text(encoding="utf-8"))

    def packages(self):
        """The packages that it is about, with their versions: `{"hono": "4.13.19"}`."""
        package = json.loads((self.root / "package.json").read_text(encoding="utf-8"))
        # Each is pinned.
        pinned = package.get("dependencies", {}) | package.get("devDependencies", {})
        names = self.checks.get("packages") or package.get("dependencies", {})
        return {name: pinned[name] for name in names}

    @property
    def is_built(self):
        """Whether a command of its own makes what is served."""
        return self.folder.parent == FRAMEWORKS

    @property
    def is_edited(self):
        """Whether a person writes its main module. One that a framework builds is made anew with
        each change, and one that is not to be bundled is what another tool has made."""
        return not self.is_built and not _NO_BUNDLE.search(_configuration(self.folder))

    def copied(self, to, packages):
        """A copy of it below `to`, beside the packages that `prepared` has given."""
        root = pathlib.Path(to) / self.root.name
        modules = root / "node_modules"
        if packages and not modules.exists():
            root.mkdir(parents=True, exist_ok=True)
            modules.symlink_to(packages)
        folder = root if self.root == self.folder else root / self.name
        away = shutil.ignore_patterns("node_modules", ".isolane")
        # What was built is beside the packages that it was built with.
        source = packages.parent if self.is_built else self.folder
        shutil.copytree(source, folder, ignore=away, dirs_exist_ok=True, symlinks=True)
        shutil.copy(self.folder / "checks.json", folder)
        shutil.copy(self.root / "package.json", root)
        return folder


def every(only):
    """All applications, or those with one of these names, sorted by name."""
    found = []
    for above in (APPS, FRAMEWORKS, SHARED):
        for checks in above.glob("*/checks.json"):
            root = SHARED if above == SHARED else checks.parent
            found.append(Application(checks.parent.name, checks.parent, root))
    names = {it.name for it in found}
    if unknown := set(only) - names:
        raise SystemExit(f"no such application: {', '.join(sorted(unknown))}")
    return sorted((it for it in found if not only or it.name in only), key=lambda it: it.name)


def prepared(application, kept, tools):
    """The folder of an application's packages, installed (and the application built) once below
    `kept`; None without any."""
    digest = hashlib.sha256()
    of = application.folder.rglob("*") if application.is_built else [_lock(application)]
    for file in sorted(file for file in of if file.is_file() and file.name != "checks.json"):
        digest.update(file.read_bytes())
    folder = pathlib.Path(kept) / "applications" / f"{application.name}-{digest.hexdigest()[:16]}"
    if application.root == SHARED:
        folder = folder.with_name(f"{SHARED.name}-{digest.hexdigest()[:16]}")
    modules = folder / "node_modules"
    if not folder.is_dir():
        fresh = folder.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        if application.is_built:
            shutil.copytree(application.folder, fresh)
            # What Node is a framework's, is wrangler's.
            path = f"{tools['node'].parent}:{os.environ['PATH']}"
            for command in _BUILD:
                _run(application, command, fresh, {**os.environ, "PATH": path, "CI": "1"})
        else:
            fresh.mkdir(parents=True)
            for file in ("package.json", "package-lock.json"):
                shutil.copy(application.root / file, fresh)
            _run(application, _INSTALL, fresh, None)
        fresh.rename(folder)
    return modules if modules.is_dir() else None


def _lock(application):
    return application.root / "package-lock.json"


def _run(application, command, folder, environment):
    progress(f"{application.root.name}: {' '.join(command)}")
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
        raise RuntimeError(f"{application.name}: {' '.join(command)} failed:\n{said}")


def main_module(folder):
    """The file that a project's configuration has as `main`."""
    return folder / _MAIN.search(_configuration(folder))[1]


def _configuration(folder):
    """The text of a project's configuration."""
    for name in _CONFIGURATIONS:
        file = folder / name
        if file.is_file():
            return file.read_text(encoding="utf-8")
    raise RuntimeError(f"{folder} has no configuration")
