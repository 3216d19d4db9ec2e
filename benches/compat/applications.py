"""The applications of `cli/tests/apps`: which there are, their packages, copies to serve from."""

import hashlib
import json
import pathlib
import re
import shutil
import subprocess
from dataclasses import dataclass

from harness.figures import progress

APPS = pathlib.Path(__file__).resolve().parents[2] / "cli" / "tests" / "apps"
# Those that share one package.json; `upstream` is what they send requests to.
SHARED = APPS / "popular"
# As the tests install them: `cli/tests/apps/harness/npm.rs`.
_INSTALL = ["npm", "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"]
_CONFIGURATIONS = ("wrangler.jsonc", "wrangler.json", "wrangler.toml", "isolane.toml")


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
        lock = json.loads((self.root / "package-lock.json").read_text(encoding="utf-8"))
        locked = lock.get("packages", {})
        declared = locked.get("", {}).get("dependencies", {})
        names = self.checks.get("packages", [] if self.root == SHARED else declared)
        return {name: locked[f"node_modules/{name}"]["version"] for name in names}

    def copied(self, to, packages):
        """A copy of it below `to`, beside the packages that `installed` has given."""
        root = pathlib.Path(to) / self.root.name
        modules = root / "node_modules"
        if packages and not modules.exists():
            # Nobody writes to them: links are enough.
            root.mkdir(parents=True, exist_ok=True)
            subprocess.run(["cp", "-al", packages, modules], check=True)
        folder = root if self.root == self.folder else root / self.name
        away = shutil.ignore_patterns("node_modules", ".isolane", ".wrangler")
        shutil.copytree(self.folder, folder, ignore=away, dirs_exist_ok=True)
        for file in ("package.json", "package-lock.json"):
            shutil.copy(self.root / file, root / file)
        return folder


def every(only):
    """All applications, or those with one of these names, sorted by name."""
    found = [Application(it.parent.name, it.parent, it.parent) for it in APPS.glob("*/checks.json")]
    shared = SHARED.glob("*/checks.json")
    found += [Application(it.parent.name, it.parent, SHARED) for it in shared]
    names = {it.name for it in found}
    if unknown := set(only) - names:
        raise SystemExit(f"no such application: {', '.join(sorted(unknown))}")
    return sorted((it for it in found if not only or it.name in only), key=lambda it: it.name)


def installed(application, kept):
    """The folder of an application's packages, installed once below `kept`; None without any."""
    lock = (application.root / "package-lock.json").read_bytes()
    folder = pathlib.Path(kept) / "packages" / hashlib.sha256(lock).hexdigest()[:16]
    modules = folder / "node_modules"
    if not folder.is_dir():
        progress(f"{application.root.name}: {' '.join(_INSTALL)}")
        fresh = folder.with_suffix(".installing")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        for file in ("package.json", "package-lock.json"):
            shutil.copy(application.root / file, fresh / file)
        subprocess.run(_INSTALL, cwd=fresh, check=True, stdout=subprocess.DEVNULL)
        fresh.rename(folder)
    return modules if modules.is_dir() else None


def main_module(folder):
    """The file that a project's configuration has as `main`."""
    for name in _CONFIGURATIONS:
        file = folder / name
        if file.is_file():
            found = re.search(r'"?\bmain\b"?\s*[:=]\s*"([^"]+)"', file.read_text(encoding="utf-8"))
            return folder / found[1]
    raise RuntimeError(f"{folder} has no configuration")
