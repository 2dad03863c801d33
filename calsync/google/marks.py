"""How our copies and other people's meetings are known again: chosen ids, markers with their MACs, meeting numbers.

All are keyed with the instance secret, which is never rotated: they are the same after the loss of our database.
"""

from __future__ import annotations

import hmac
from base64 import b32hexencode
from hashlib import blake2b

from calsync.model.side import Item

#: How many generations of chosen ids are tried when a marker is checked against an id.
GENERATIONS = 50


class Marks:
    """The marks of one account's calendar: `identity` names both."""

    def __init__(self, secret: bytes, identity: str) -> None:
        """`secret`: that of the instance."""
        self._secret, self._identity = secret, identity
        self._origin = f"google:{self._digest('calendar', key='', size=6).hex()}:"

    def marker(self, key: str) -> str:
        """Name a Google event of this account towards the CRM, without telling the calendar's address."""
        return f"{self._origin}{key}"

    def chosen_key(self, marker: str, generation: int) -> str:
        """Return the id of the copy of `marker`, in base32hex."""
        return b32hexencode(self._digest(marker, str(generation), size=20)).decode().lower()

    def mac(self, marker: str) -> str:
        """Return what proves that a marker was written by us, for this calendar."""
        return self._digest("marker", key=marker, size=16).hex()

    def verified(self, item: Item) -> str:
        """Return the marker of our own copy; "" for a copy of it that a person made.

        Ours has both: a MAC that verifies, and the id that some generation of this original has.
        """
        mac, _, marker = item.marker.partition(":")
        if not hmac.compare_digest(mac, self.mac(marker)):
            return ""
        ids = (self.chosen_key(marker, generation) for generation in range(GENERATIONS))
        return marker if item.key in ids else ""

    def meeting(self, name: str) -> int:
        """Return the number of a meeting (63 bits): the same for all accounts, and nobody can tell its name from it."""
        digest = blake2b(f"meeting\0{name}".encode(), key=self._secret, digest_size=8).digest()
        return int.from_bytes(digest, "big") >> 1

    def _digest(self, purpose: str, key: str, size: int) -> bytes:
        text = f"{self._identity}\0{purpose}\0{key}"
        return blake2b(text.encode(), key=self._secret, digest_size=size).digest()
