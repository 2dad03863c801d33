"""What all sections of the configuration have in common."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from pydantic import BaseModel, ConfigDict

LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Section(BaseModel):
    """Keys with types; unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def checked_url(value: str) -> SplitResult:
    """Return the parts of an http or https URL; ValueError says what it must be."""
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError("must be a URL that begins with https:// (http:// on loopback)")
    return parts
