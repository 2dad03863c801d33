"""Reading the lock: names, versions and hashes of everything that is installed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)(.*)$")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True)
class Package:
    """One pinned package; `hashes` are SHA-256, one for each file that may be installed."""

    name: str
    version: str
    hashes: tuple[str, ...]


def read(path: Path = ROOT / "requirements.lock") -> list[Package]:
    """Return the packages of a lock, by name; ValueError for a line that pins nothing."""
    text = path.read_text().replace("\\\n", " ")
    found = []
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        pin = _PIN.match(line.strip())
        if pin is None:
            raise ValueError(f"{path.name}: a line pins no version: {line[:60]}")
        found.append(Package(normal(pin[1]), pin[2], tuple(_HASH.findall(pin[3]))))
    return sorted(found, key=lambda package: package.name)


def normal(name: str) -> str:
    """Return a package's name in the one form that all spellings have in common."""
    return re.sub(r"[-_.]+", "-", name).lower()
