"""Encryption at rest: what is sealed opens only in its own place, for its owner, with the right key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from calsync.store.vault import Vault, VaultError, new_key_line, parse_ring

OLD, NEW, STRANGE = new_key_line("k1"), new_key_line("k2"), new_key_line("k9")
INSTANCE = b"i" * 32


def vault(*lines):
    return Vault(parse_ring("\n".join(lines)), INSTANCE)


@given(some.binary(max_size=200), some.text(min_size=1, max_size=20))
def test_what_is_sealed_opens_in_its_place(value, place):
    cipher = vault(NEW).cipher(vault(NEW).new_data_key("ana"), "ana")
    sealed = cipher.seal(place, value)
    assert cipher.open(place, sealed) == value
    assert len(value) < 4 or value not in sealed


def test_the_same_text_looks_different_each_time():
    cipher = vault(NEW).shared_cipher()
    assert cipher.seal_text("a.b", "same") != cipher.seal_text("a.b", "same")


def test_a_ciphertext_moved_to_another_column_does_not_open():
    ring = vault(NEW)
    cipher = ring.cipher(ring.new_data_key("ana"), "ana")
    with pytest.raises(VaultError, match=r"^account\.refresh_token cannot be decrypted"):
        cipher.open("account.refresh_token", cipher.seal("account.address", b"x"))


def test_a_ciphertext_moved_to_another_person_does_not_open():
    ring = vault(NEW)
    ana, ben = (ring.cipher(ring.new_data_key(name), name) for name in ("ana", "ben"))
    with pytest.raises(VaultError):
        ben.open("account.address", ana.seal("account.address", b"x"))


def test_a_data_key_moved_to_another_person_does_not_open():
    ring = vault(NEW)
    wrapped = ring.new_data_key("ana")
    with pytest.raises(VaultError):
        ring.cipher(wrapped, "ben")


@given(some.data())
def test_a_ciphertext_with_one_bit_changed_does_not_open(data):
    cipher = vault(NEW).shared_cipher()
    sealed = bytearray(cipher.seal("a.b", b"some value"))
    place = data.draw(some.integers(0, len(sealed) * 8 - 1))
    sealed[place // 8] ^= 1 << place % 8
    with pytest.raises(VaultError):
        cipher.open("a.b", bytes(sealed))


@pytest.mark.parametrize("sealed", [b"", b"short", b"x" * 11, b"x" * 40])
def test_what_was_never_sealed_is_refused_like_a_forgery(sealed):
    with pytest.raises(VaultError):
        vault(NEW).shared_cipher().open("a.b", sealed)


def test_a_newer_key_in_front_wraps_what_is_new_and_the_older_still_opens_what_was():
    before = vault(OLD)
    wrapped = before.new_data_key("ana")
    sealed = before.cipher(wrapped, "ana").seal("a.b", b"kept")
    both = vault(NEW, OLD)
    assert both.cipher(wrapped, "ana").open("a.b", sealed) == b"kept"
    fresh = both.new_data_key("ana")
    assert fresh.startswith(b"k2:")
    with pytest.raises(VaultError):
        vault(OLD).cipher(fresh, "ana")


def test_a_data_key_whose_ring_key_is_gone_says_what_to_put_back():
    wrapped = vault(OLD).new_data_key("ana")
    with pytest.raises(VaultError, match="put that key back"):
        vault(NEW).cipher(wrapped, "ana")


def test_a_ring_key_of_the_right_name_but_another_secret_does_not_open():
    wrapped = vault(OLD).new_data_key("ana")
    with pytest.raises(VaultError):
        vault(STRANGE.replace("k9", "k1")).cipher(wrapped, "ana")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        (" \n\n", "empty"),
        ("k1", "not 32 bytes"),
        ("k1:####", "not 32 bytes|no key"),
        ("k1:YWJj", "not 32 bytes"),
        ("k1:é", "no key"),
    ],
)
def test_a_key_ring_that_is_none_is_refused_without_showing_its_keys(text, says):
    with pytest.raises(VaultError, match=says) as caught:
        parse_ring(text)
    assert "YWJj" not in str(caught.value)


def test_digests_for_looking_up_depend_on_purpose_and_instance_but_not_on_the_ring():
    here = vault(NEW).digest("google subject", "12345")
    assert vault(OLD).digest("google subject", "12345") == here
    assert vault(NEW).digest("another purpose", "12345") != here
    assert Vault(parse_ring(NEW), b"j" * 32).digest("google subject", "12345") != here


def test_equal_texts_have_different_fingerprints_for_different_people():
    ring = vault(NEW)
    ana, ben = (ring.cipher(ring.new_data_key(name), name).fingerprints for name in ("ana", "ben"))
    assert ana.of("title", "Lunch") != ben.of("title", "Lunch")
