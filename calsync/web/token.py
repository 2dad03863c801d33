"""The bootstrap operator token: read anew each time, so that replacing the file ends what was opened with the old one."""

from __future__ import annotations

import hmac
import re

from fastapi import HTTPException, Request

from calsync.store.consent import digest
from calsync.web.site import Site

NO_TOKEN = "Send the operator token as Authorization: Bearer ..."
_BEARER = re.compile(r"[Bb]earer +(\S+)")


def token_digest(site: Site) -> str:
    """Return the digest of the present token; ConfigError when there is none."""
    settings = site.parts.settings
    return digest(settings.secret("web.operator_token_file", settings.web.operator_token_file))


def is_token(site: Site, text: str) -> bool:
    """Return whether a text is the token, in a time that does not depend on where they differ."""
    return hmac.compare_digest(digest(text), token_digest(site))


def has_token(site: Site, request: Request) -> bool:
    """Return whether a request carries the token as its bearer."""
    found = _BEARER.fullmatch(request.headers.get("authorization", ""))
    return found is not None and is_token(site, found.group(1))


def check_bearer(site: Site, request: Request) -> None:
    """Let requests with the token pass; HTTPException 401 for others."""
    if not has_token(site, request):
        raise HTTPException(401, NO_TOKEN, {"WWW-Authenticate": "Bearer"})
