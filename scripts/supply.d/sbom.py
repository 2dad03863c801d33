"""Prints the bill of materials (CycloneDX 1.6, JSON) of what the lock names; needs no network.

The same lock gives the same document, so that two releases can be compared.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import uuid
from importlib import metadata
from pathlib import Path
from typing import Any

from lock import ROOT, Package, normal, read

_SPACE = uuid.UUID("6f1d2c1e-8f5a-4a53-9f0f-3b1f4a4c1d10")


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/sbom", description=__doc__)
    parser.add_argument("--out", metavar="FILE", type=Path, help="write there instead of stdout")
    options = parser.parse_args()
    text = json.dumps(document(read()), indent=1) + "\n"
    if options.out:
        options.out.write_text(text)
    else:
        sys.stdout.write(text)
    return 0


def document(packages: list[Package]) -> dict[str, Any]:
    version = re.search(r'__version__ = "([^"]+)"', (ROOT / "calsync/__init__.py").read_text())
    ours = {
        "type": "application",
        "bom-ref": "calsync",
        "name": "calsync",
        "version": version[1] if version else "0",
    }
    known = {package.name for package in packages}
    digest = hashlib.sha256("".join(f"{one.name}=={one.version};" for one in packages).encode()).hexdigest()
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_SPACE, digest)}",
        "version": 1,
        "metadata": {"component": ours | {"licenses": [{"license": {"id": "Apache-2.0"}}]}},
        "components": [_component(package) for package in packages],
        "dependencies": [
            {"ref": "calsync", "dependsOn": [_ref(one) for one in packages if one.name in _direct()]},
            *({"ref": _ref(one), "dependsOn": _needs(one, packages, known)} for one in packages),
        ],
    }


def _component(package: Package) -> dict[str, Any]:
    found = {
        "type": "library",
        "bom-ref": _ref(package),
        "name": package.name,
        "version": package.version,
        "purl": _ref(package),
        "hashes": [{"alg": "SHA-256", "content": digest} for digest in package.hashes],
    }
    licence = _licence(package.name)
    return found | ({"licenses": [{"license": {"name": licence}}]} if licence else {})


def _ref(package: Package) -> str:
    return f"pkg:pypi/{package.name}@{package.version}"


def _licence(name: str) -> str:
    """Return what an installed package says of its licence, in one line."""
    try:
        about = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return ""
    classifiers = [
        one.rpartition(" :: ")[2] for one in about.get_all("Classifier") or [] if one.startswith("License")
    ]
    return (
        about.get("License-Expression")
        or "; ".join(classifiers)
        or (about.get("License") or "").split("\n")[0]
    )


def _direct() -> set[str]:
    import tomllib

    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    return {normal(re.split(r"[\[<>=!~; ]", one)[0]) for one in wanted}


def _needs(package: Package, packages: list[Package], known: set[str]) -> list[str]:
    try:
        wanted = metadata.requires(package.name) or []
    except metadata.PackageNotFoundError:
        return []
    names = {normal(re.split(r"[\[<>=!~;( ]", one)[0]) for one in wanted if "extra ==" not in one}
    return [_ref(one) for one in packages if one.name in names & known]


if __name__ == "__main__":
    sys.exit(main())
