"""Where a visitor comes from, before anything else sees it: cut off, and sealed only where that is asked for."""

from __future__ import annotations

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from calsync.privacy.addresses import truncated
from calsync.store import security_audit
from calsync.store.database import writing
from calsync.wiring import Parts

_SEALED = "calsync.sealed_address"

#: Headers in which proxies name the visitor; whoever may say so was asked by the server already.
_NAMING = frozenset(
    [b"x-forwarded-for", b"x-real-ip", b"forwarded", b"x-client-ip", b"cf-connecting-ip", b"true-client-ip"]
)


class Truncated:
    """An application that is shown no whole network address: not by the socket, and not by a proxy's headers."""

    def __init__(self, app: ASGIApp, parts: Parts) -> None:
        """`app` is what serves."""
        self._app, self._parts = app, parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request whose visitor is named by their neighbourhood alone."""
        if scope["type"] in ("http", "websocket"):
            address = (scope.get("client") or ("",))[0]
            scope = dict(scope)
            if self._parts.settings.privacy.security_audit and address:
                scope[_SEALED] = security_audit.seal(self._parts.vault, address)
            scope["client"] = (truncated(address), 0)
            scope["headers"] = [
                (name, value) for name, value in scope["headers"] if name.lower() not in _NAMING
            ]
        await self._app(scope, receive, send)


def note(parts: Parts, request: Request, act: str, user: str) -> None:
    """Keep the whole address of somebody who gives consent or logs in as operator, if the configuration asks for it."""
    sealed = request.scope.get(_SEALED)
    if sealed is not None:
        with writing(parts.engine) as connection:
            security_audit.note(connection, act, user, sealed, parts.clock())
