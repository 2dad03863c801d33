"""The receipt of an erasure: what was removed, what remains and on which ground, under our signature."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from calsync.store.erasures import Erasure
from calsync.store.vault import Vault

#: For how long backups may hold what was erased; the README asks operators for no more.
BACKUP_DAYS = 28

_KEPT = {
    "audit": "proof of consent and of this erasure (Art. 5(2) and 7(1) GDPR), under a pseudonym whose key is destroyed",
    "request": "proof that requests were answered (Art. 5(2) GDPR), without the name",
    "google originals": "the person's own entries; calsync never deletes originals",
    "google copies": "their removal was not asked for; they are in the person's own calendar",
    "google copies out of reach": "Google did not let calsync in any more; the person can delete them",
    "crm originals": "the CRM's own records, for which its owner is responsible",
    "crm copies": "their removal was not asked for; they are the CRM's records",
    "crm user": "the CRM's own record of its user, for which its owner is responsible",
}


def make(
    vault: Vault, erasure: Erasure, remains: Mapping[str, int], files: str, now: datetime
) -> dict[str, Any]:
    """Return the signed receipt; it names nobody. `remains`: by what it is (keys of `_KEPT`), how many."""
    document: dict[str, Any] = {
        "receipt": erasure.id,
        "subject": erasure.subject,
        "cause": erasure.cause.value,
        "asked": _stamp(erasure.began_at),
        "finished": _stamp(now),
        "removed": dict(erasure.counts.get("removed", {})),
        "withdrawn_at_google": erasure.counts.get("withdrawn", 0),
        "not_withdrawn_at_google": erasure.counts.get("not_withdrawn", 0),
        "keys_destroyed": erasure.counts.get("keys", 0),
        "files": files,
        "remains": [
            {"what": what, "count": count, "why": _KEPT[what]} for what, count in remains.items() if count
        ],
        "backups": f"unreadable or gone within {BACKUP_DAYS} days; a restored one is erased again before it is used",
    }
    return document | {"signature": signature(vault, document)}


def signature(vault: Vault, document: Mapping[str, Any]) -> str:
    """Return the signature of a receipt; what is signed is everything but the signature itself."""
    bare = {name: value for name, value in document.items() if name != "signature"}
    text = orjson.dumps(bare, option=orjson.OPT_SORT_KEYS)
    return hmac.new(vault.secret("receipts"), text, hashlib.sha256).hexdigest()


def is_ours(vault: Vault, document: Mapping[str, Any]) -> bool:
    """Return whether a receipt is one of this installation, unchanged."""
    return hmac.compare_digest(str(document.get("signature", "")), signature(vault, document))


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
