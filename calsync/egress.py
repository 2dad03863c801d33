"""Where calsync may call: the hosts of configured addresses and nowhere else, without following redirects.

A URL that came in with data is never fetched; if one were, by mistake, there is no way to its host (OWASP ASVS 5.0,
1.3.6 and 15.3.2).
"""

from __future__ import annotations

from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter


def origin(url: str) -> str:
    """Return scheme, host and port of a URL, e.g. "https://oauth2.googleapis.com"."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def session(*urls: str) -> requests.Session:
    """Return a session that reaches the origins of `urls` only; see `confine`."""
    made = requests.Session()
    confine(made, *urls)
    return made


def confine(made: requests.Session, *urls: str) -> None:
    """Let a session reach the origins of `urls` only, and follow no redirect.

    Other addresses raise requests.exceptions.InvalidSchema, redirects TooManyRedirects: both are RequestExceptions.
    """
    made.adapters.clear()
    for url in urls:
        made.mount(f"{origin(url)}/", HTTPAdapter())
    made.max_redirects = 0
