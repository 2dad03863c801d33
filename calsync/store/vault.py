"""Encryption at rest: a key ring wraps one data key per person, and that key seals what is theirs.

AES-256-GCM throughout. The associated data names place and owner, so that ciphertexts cannot be exchanged
between columns, rows of different people, or tables. Destroying a person's wrapped key destroys what it sealed.
"""

from __future__ import annotations

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as BadBase64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from calsync.model.link import Fingerprints

KEY_BYTES = 32
_NONCE_BYTES = 12


class VaultError(Exception):
    """A key is missing or malformed, or a ciphertext is not what it claims to be."""


@dataclass(frozen=True, slots=True)
class RingKey:
    """One key of the ring; `name` is written in front of what it wraps."""

    name: str
    secret: bytes


def new_key_line(name: str) -> str:
    """Return a line for the key ring file with a fresh random key."""
    return f"{name}:{urlsafe_b64encode(os.urandom(KEY_BYTES)).decode()}"


def parse_ring(text: str) -> tuple[RingKey, ...]:
    """Return the keys of a ring file, newest first: one `name:base64url` a line; VaultError otherwise."""
    keys = []
    for line in text.split():
        name, _, secret = line.partition(":")
        keys.append(RingKey(name, _decode_key(secret)))
    if not keys:
        raise VaultError("the key ring is empty")
    return tuple(keys)


def _decode_key(text: str) -> bytes:
    try:
        secret = urlsafe_b64decode(text)
    except (BadBase64, ValueError) as error:
        raise VaultError("the key ring holds a line that is no key") from error
    if len(secret) != KEY_BYTES:
        raise VaultError(f"the key ring holds a key that is not {KEY_BYTES} bytes long")
    return secret


def _subkey(secret: bytes, purpose: str) -> bytes:
    return blake2b(purpose.encode(), key=secret, digest_size=KEY_BYTES).digest()


class Cipher:
    """Seals and opens values of one owner. Safe for use by several threads."""

    def __init__(self, secret: bytes, owner: str) -> None:
        """`secret`: 32 bytes; `owner` names whose key it is, and is bound into every ciphertext."""
        self._secret = secret
        self._owner = owner
        self._aead = AESGCM(_subkey(secret, "seal"))

    def seal(self, place: str, value: bytes) -> bytes:
        """Return the ciphertext of `value` for `place` ("table.column")."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, value, f"{place}|{self._owner}".encode())

    def open(self, place: str, sealed: bytes) -> bytes:
        """Return what was sealed; VaultError when it was sealed for another place or owner, or changed."""
        try:
            return self._aead.decrypt(
                sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], f"{place}|{self._owner}".encode()
            )
        except (InvalidTag, ValueError) as error:
            # ValueError: shorter than anything that was ever sealed.
            raise VaultError(f"{place} cannot be decrypted with the key of its owner") from error

    def seal_text(self, place: str, value: str) -> bytes:
        """`seal` for text."""
        return self.seal(place, value.encode())

    def open_text(self, place: str, sealed: bytes) -> str:
        """`open` for text."""
        return self.open(place, sealed).decode()

    def derived(self, purpose: str) -> bytes:
        """Return 32 bytes derived from the owner's key, different for every purpose; they go when the key goes."""
        return _subkey(self._secret, purpose)

    @cached_property
    def fingerprints(self) -> Fingerprints:
        """The owner's keyed fingerprints."""
        return Fingerprints(_subkey(self._secret, "fingerprints"))


class SharedCipher:
    """Seals short-lived values that belong to no account yet. What was sealed names the key of the ring it needs."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def seal(self, place: str, value: bytes) -> bytes:
        """Return the ciphertext of `value` for `place` ("table.column")."""
        key = self._vault.newest()
        return key.name.encode() + b":" + Cipher(key.secret, "shared").seal(place, value)

    def open(self, place: str, sealed: bytes) -> bytes:
        """Return what was sealed; VaultError when it was changed, or sealed for another place."""
        name, _, ciphertext = sealed.partition(b":")
        key = self._vault.key(name)
        if key is None:
            raise VaultError(f"{place} is sealed by a key that is not in the ring")
        return Cipher(key.secret, "shared").open(place, ciphertext)

    def seal_text(self, place: str, value: str) -> bytes:
        """`seal` for text."""
        return self.seal(place, value.encode())

    def open_text(self, place: str, sealed: bytes) -> str:
        """`open` for text."""
        return self.open(place, sealed).decode()


class Vault:
    """The key ring and the instance secret, as the rest of the program sees them."""

    def __init__(
        self,
        ring: Sequence[RingKey],
        instance_secret: bytes,
        reread: Callable[[], Sequence[RingKey]] | None = None,
    ) -> None:
        """`ring`: newest key first; `instance_secret`: at least 32 bytes, never rotated.

        `reread` returns the ring as it is now, for a process that outlives a rotation.
        """
        self._reread = reread
        self._instance = instance_secret
        self._hold(ring)

    def _hold(self, ring: Sequence[RingKey]) -> None:
        self._ring, self._newest = {key.name: key for key in ring}, ring[0]

    def _refresh(self) -> None:
        if self._reread is not None:
            self._hold(self._reread())

    def newest(self) -> RingKey:
        """Return the key with which to wrap: that of the file, however long ago this process began."""
        self._refresh()
        return self._newest

    def key(self, name: bytes) -> RingKey | None:
        """Return a key of the ring by its name; the ring is read anew for one that is not known."""
        text = name.decode(errors="replace")
        if text not in self._ring:
            self._refresh()
        return self._ring.get(text)

    def secret(self, purpose: str) -> bytes:
        """Return 32 bytes derived from the instance secret, different for every purpose."""
        return _subkey(self._instance, purpose)

    def digest(self, purpose: str, text: str) -> str:
        """Return a keyed digest of `text` for looking it up without storing it."""
        return blake2b(text.encode(), key=self.secret(purpose), digest_size=16).hexdigest()

    def new_data_key(self, owner: str) -> bytes:
        """Return a fresh data key for `owner`, wrapped by the newest key of the ring."""
        return _wrap(os.urandom(KEY_BYTES), owner, self.newest())

    def cipher(self, wrapped: bytes, owner: str) -> Cipher:
        """Return the cipher of a person's wrapped data key; VaultError if the ring does not hold its key."""
        return Cipher(self._unwrap(wrapped, owner), owner)

    def rewrap(self, wrapped: bytes, owner: str, key: RingKey) -> bytes:
        """Return a data key wrapped by another key of the ring; what it has sealed stays as it is."""
        return _wrap(self._unwrap(wrapped, owner), owner, key)

    def shared_cipher(self) -> SharedCipher:
        """Return a cipher for short-lived values that belong to no account yet."""
        return SharedCipher(self)

    def _unwrap(self, wrapped: bytes, owner: str) -> bytes:
        name, _, sealed = wrapped.partition(b":")
        key = self.key(name)
        if key is None:
            raise VaultError("a data key is wrapped by a key that is not in the ring; put that key back")
        return Cipher(key.secret, owner).open("data_key", sealed)


def _wrap(data_key: bytes, owner: str, key: RingKey) -> bytes:
    return key.name.encode() + b":" + Cipher(key.secret, owner).seal("data_key", data_key)


def key_name(wrapped: bytes) -> str:
    """Return the name of the ring's key that a wrapped data key, or a shared value, needs."""
    return wrapped.partition(b":")[0].decode(errors="replace")
