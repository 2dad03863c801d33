"""Looking for words that were planted, in whatever coat they may wear."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from pathlib import Path

#: Every marker begins so; what follows names where it was planted.
MARK = "Zqx7"


def hits(data: bytes, secrets: Iterable[str]) -> list[str]:
    """Return which secrets are in bytes: as text of any width, in hex, or in base64."""
    found = []
    for secret in secrets:
        plain = secret.encode()
        inner = [b64encode(b"x" * pad + plain)[4 if pad else 0 : -4] for pad in range(3)]
        coats = [plain, secret.encode("utf-16-le"), plain.hex().encode(), *inner]
        found += [secret for coat in coats if len(coat) > 3 and coat in data]
    return found


def files_of(directory: Path) -> dict[str, bytes]:
    """Return every byte of a directory, by file name."""
    return {path.name: path.read_bytes() for path in directory.rglob("*") if path.is_file()}
