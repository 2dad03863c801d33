"""How the application is served."""

from __future__ import annotations

from typing import Any

import uvicorn

from calsync.config import Settings

#: Requests at the same time, beyond which others are answered 503 at once.
MOST_AT_ONCE = 1000


def serving(app: Any, settings: Settings, **more: Any) -> uvicorn.Config:
    """Return uvicorn's configuration: whose forwarded addresses count is ours to say, not the environment's."""
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=list(settings.web.trusted_proxies),
        limit_concurrency=MOST_AT_ONCE,
        timeout_graceful_shutdown=5,
        **more,
    )
