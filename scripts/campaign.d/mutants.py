"""Rules taken out of the engine one at a time, to see that the campaigns notice: each is a patch, undone at the end."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from calsync import engine
from calsync.crm.builtin import side as crm_side
from calsync.crm.builtin.side import BuiltinSide
from calsync.google.side import GoogleSide
from calsync.model.link import REDACTED, Verb
from calsync.model.permission import Access, Level, Relation
from calsync.model.side import Create, Delete, Update
from calsync.store import conflicts, links
from calsync.sync import reconcile, sights
from calsync.sync import round as rounds

Patches = list[tuple[Any, str, Any]]


def _no_if_match() -> Patches:
    """Writes are made whatever the other side holds by then."""
    patched, delete, change = GoogleSide._patched, GoogleSide._delete, BuiltinSide._change

    def changed(self: Any, connection: Any, write: Any) -> Any:
        return change(
            self, connection, replace(write, version="") if isinstance(write, Update | Delete) else write
        )

    return [
        (
            GoogleSide,
            "_patched",
            lambda self, key, body, _version, *more: patched(self, key, body, "", *more),
        ),
        (GoogleSide, "_delete", lambda self, write: delete(self, replace(write, version=""))),
        (BuiltinSide, "_change", changed),
    ]


def _cursor_first() -> Patches:
    """The cursor is kept before the changes that it stands for."""

    def follow(work: Any, side: Any, cursor: str) -> None:
        pages = list(work.sides[side].observe(cursor))
        with rounds.writing(work.engine) as connection:
            columns = rounds._cursor_columns(work, side, pages[-1].cursor or "")
            rounds.accounts.change(connection, work.scene.account.id, **columns)
        for page in pages:
            if page.items:
                with rounds.writing(work.engine) as connection:
                    rounds._note(work, connection, side, page)

    return [(rounds, "_follow", follow)]


def _no_intent() -> Patches:
    """Nothing is noted before a write."""
    return [(links, "save_intents", lambda _connection, _rows: None)]


def _no_update_intent() -> Patches:
    """Updates are not noted before they are made."""
    save = links.save_intents

    def without(connection: Any, rows: Any) -> None:
        save(
            connection,
            [
                replace(link, intents=tuple(i for i in link.intents if i.verb is not Verb.UPDATE))
                for link in rows
            ],
        )

    return [(links, "save_intents", without)]


def _last_writer_wins() -> Patches:
    """What loses a clash is not kept."""
    return [(conflicts, "keep", lambda _connection, _rows: None)]


def _random_unrecorded_id() -> Patches:
    """Copies get an id that nobody knows after a crash."""
    create = GoogleSide._create

    def created(self: Any, write: Create) -> Any:
        return create(self, replace(write, key=secrets.token_hex(16)))

    return [(GoogleSide, "_create", created)]


def _tombstone_adopted() -> Patches:
    """A deleted event that has the chosen id passes for the copy."""
    return [(GoogleSide, "_landed", lambda self, write: self._get(write.key))]


def _no_content_hash() -> Patches:
    """A new version counts as an edit, whatever the content."""

    def moved(_base: Any, sight: Any) -> frozenset[str]:
        return frozenset(sight.face) - {REDACTED} if sight.event is not None else frozenset()

    return [(reconcile, "moved", moved), (sights, "moved", moved)]


def _base_reread() -> Patches:
    """What is there after a write counts as agreed, not what was written."""
    create, update = GoogleSide._create, GoogleSide._update

    def again(self: Any, item: Any) -> Any:
        found = self.read(item.key)
        return replace(found, untouched=True) if found is not None and not found.gone else item

    return [
        (GoogleSide, "_create", lambda self, write: again(self, create(self, write))),
        (GoogleSide, "_update", lambda self, write: again(self, update(self, write))),
    ]


def _no_permission_filter() -> Patches:
    """Every record counts as the person's own."""
    own = Access(Level.DELETE, "mutant", frozenset({Relation.MINE}))
    return [(crm_side, "decide", lambda _person, _record: own)]


def _no_lock() -> Patches:
    """Two rounds of one account may run at once."""
    return [(engine, "holding", lambda *_arguments: nullcontext())]


#: Each rule's removal, and the mode of the campaign that can show it.
MUTANTS: dict[str, tuple[Callable[[], Patches], str]] = {
    "no-if-match": (_no_if_match, "inter"),
    "cursor-first": (_cursor_first, "crash"),
    "no-intent": (_no_intent, "crash"),
    "no-update-intent": (_no_update_intent, "crash"),
    "last-writer-wins": (_last_writer_wins, "inter"),
    "random-unrecorded-id": (_random_unrecorded_id, "crash"),
    "tombstone-adopted": (_tombstone_adopted, "crash"),
    "no-content-hash": (_no_content_hash, "inter"),
    "base-reread": (_base_reread, "inter"),
    "no-permission-filter": (_no_permission_filter, "crash"),
    "no-lock": (_no_lock, "rival"),
}


@contextmanager
def planted(name: str) -> Iterator[None]:
    """Work without one rule."""
    with ExitStack() as stack:
        for owner, attribute, instead in MUTANTS[name][0]():
            stack.enter_context(patch.object(owner, attribute, instead))
        yield
