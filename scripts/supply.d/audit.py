"""Checks what calsync depends on; exit 1 when something is wrong.

Without a network: everything in the locks is pinned with hashes, what the project asks for is in them, and what is
installed is what they name. With --advisories, a file of advisories in the OSV format (a JSON list, or one document
a line), every pinned version is looked up in it. Where pip-audit is installed, it is run as well: it needs the network.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from lock import ROOT, Package, normal, read

LOCKS = ("requirements.lock", "requirements-test.lock")


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/audit", description=__doc__)
    parser.add_argument("--advisories", metavar="FILE", type=Path, help="advisories in the OSV format")
    parser.add_argument("--offline", action="store_true", help="never start pip-audit")
    options = parser.parse_args()
    packages = read()
    problems = [*_unpinned(), *_not_locked(packages), *_otherwise_installed(packages)]
    if options.advisories:
        problems += _advised(packages, options.advisories)
    for problem in problems:
        print(problem)
    told = f"{len(packages)} packages looked at, {len(problems)} problems"
    print(told, file=sys.stderr)
    code = 1 if problems else 0
    if shutil.which("pip-audit") and not options.offline:
        lock = str(ROOT / LOCKS[0])
        code |= subprocess.run(
            ["pip-audit", "-r", lock, "--no-deps", "--disable-pip"], check=False
        ).returncode
    return code


def _unpinned() -> Iterator[str]:
    for name in LOCKS:
        for package in read(ROOT / name):
            if not package.hashes:
                yield f"{name}: {package.name} {package.version} has no hash"


def _not_locked(packages: list[Package]) -> Iterator[str]:
    known = {package.name for package in packages}
    for wanted in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]:
        name = normal(re.split(r"[\[<>=!~; ]", wanted)[0])
        if name not in known:
            yield f"pyproject.toml: {name} is not in {LOCKS[0]}: make the lock anew"


def _otherwise_installed(packages: list[Package]) -> Iterator[str]:
    for package in packages:
        try:
            version = metadata.version(package.name)
        except metadata.PackageNotFoundError:
            continue  # for another platform or version of Python
        if version != package.version:
            yield f"{package.name}: {version} is installed, {package.version} is locked"


def _advised(packages: list[Package], file: Path) -> Iterator[str]:
    versions = {package.name: package.version for package in packages}
    for advisory in _advisories(file.read_text()):
        for affected in advisory.get("affected", []):
            about = affected.get("package", {})
            name = normal(str(about.get("name", "")))
            if about.get("ecosystem") == "PyPI" and versions.get(name) in affected.get("versions", []):
                yield f"{name} {versions[name]}: {advisory.get('id')}: {advisory.get('summary', '')}"


def _advisories(text: str) -> list[dict[str, Any]]:
    try:
        found = json.loads(text)
    except ValueError:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    return found if isinstance(found, list) else [found]


if __name__ == "__main__":
    sys.exit(main())
