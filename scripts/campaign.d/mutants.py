"""Rules taken out of the engine one at a time, to see that the campaigns notice: each is a patch, undone at the end.

The rules are those of the engine's design, and those about permissions (see `permission_mutants`):

====  ==============================================================================================================
R1    every remote write is noted before it is made: creations, updates, deletions and retractions
R2    the id of a copy is chosen and noted; a record in the CRM names its original
R3    what counts as agreed is what was sent, from what the decision was made on; writes are conditional on that
R4    a cursor is kept after what lies before it
R5    what loses a clash is kept before it is overwritten
R6    a deleted event never passes for a copy
R7    an edit beats a deletion; who may not delete a record does not, by deleting their copy
R8    of a copy that was found again nothing is known to be agreed
R9    content decides what was edited, not the version
R10   a CRM that compares no versions is looked at again right before it is written
R11   nothing goes to Google without a decision that the person may know it
R12   one process at a time works for an account
====  ==============================================================================================================
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from mutant import Mutant, Patches
from permission_mutants import PERMISSION_MUTANTS

from calsync import engine
from calsync.crm.builtin import side as crm_side
from calsync.crm.builtin.side import BuiltinSide
from calsync.crm.careful import CarefulSide
from calsync.crm.opencrm.writing import Writer
from calsync.google.side import GoogleSide
from calsync.model.link import REDACTED, Verb
from calsync.model.permission import Access, Level, Relation
from calsync.model.side import Create, Delete, Revive, Update
from calsync.store import conflicts, links
from calsync.sync import crossing, reconcile, recording, settle, sights
from calsync.sync import round as rounds

# -- R1: intents -------------------------------------------------------------------------------------------


def _without_intents(*verbs: Verb) -> Callable[[], Patches]:
    """Nothing is noted before writes of these kinds."""

    def plant() -> Patches:
        save = links.save_intents

        def without(connection: Any, rows: Any) -> Any:
            kept = [link.intents for link in rows]
            for link in rows:
                link.intents = tuple(intent for intent in link.intents if intent.verb not in verbs)
            try:
                # The links themselves, since they are given their ids here.
                return save(connection, rows)
            finally:
                for link, intents in zip(rows, kept, strict=True):
                    link.intents = intents

        return [(links, "save_intents", without)]

    return plant


# -- R2: names ---------------------------------------------------------------------------------------------


def _id_not_recorded() -> Patches:
    """Copies get an id that nobody knows after a crash."""
    create = GoogleSide._create

    def created(self: Any, write: Create) -> Any:
        return create(self, replace(write, key=secrets.token_hex(16)))

    return [(GoogleSide, "_create", created)]


def _no_reference_in_crm() -> Patches:
    """Records do not say which event they are a copy of."""
    new_row = BuiltinSide._new_row
    return [
        (BuiltinSide, "_new_row", lambda self, write, *rest: {**new_row(self, write, *rest), "marker": None})
    ]


# -- R3: what was agreed -----------------------------------------------------------------------------------


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


# -- R4, R5: order -----------------------------------------------------------------------------------------


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


def _losers_later() -> Patches:
    """What loses a clash is kept after it was overwritten."""
    intend, write = settle._intend, settle._write

    def intended(work: Any, plans: Any) -> None:
        with patch.object(conflicts, "keep", lambda _connection, _rows: None):
            intend(work, plans)

    def written(work: Any, plans: Any) -> Any:
        broken = write(work, plans)
        with settle.writing(work.engine) as connection:
            conflicts.keep(connection, [row for plan in plans for row in settle._losers(work, plan)])
        return broken

    return [(settle, "_intend", intended), (settle, "_write", written)]


def _losers_forgotten() -> Patches:
    """What loses a clash is not kept."""
    return [(conflicts, "keep", lambda _connection, _rows: None)]


# -- R6, R7: deletions -------------------------------------------------------------------------------------


def _tombstone_adopted() -> Patches:
    """A deleted event that has the chosen id passes for the copy."""
    return [(GoogleSide, "_landed", lambda self, write: self._get(write.key))]


def _deletion_beats_edit() -> Patches:
    """An event that was deleted on one side goes, whatever was edited on the other."""

    def one_gone(gone: Any, _base: Any, _sights: Any, _rules: Any) -> Any:
        return reconcile.Decision(f"deleted on {gone.value}", (reconcile.Remove(gone.other),))

    return [(reconcile, "_one_gone", one_gone)]


def _deletion_without_right() -> Patches:
    """Whoever deletes their copy deletes the record."""
    delete = BuiltinSide._delete
    anything = Access(Level.DELETE, "mutant", frozenset({Relation.MINE}))
    return [
        (
            BuiltinSide,
            "_delete",
            lambda self, connection, row, _access, *more: delete(self, connection, row, anything, *more),
        )
    ]


# -- R8, R9: what counts as an edit ------------------------------------------------------------------------


def _orphan_agrees() -> Patches:
    """What is found in a copy that was found again counts as agreed."""
    take = recording._take_creation

    def taken(link: Any, faces: Any, intent: Any, item: Any, stored: Any) -> None:
        take(link, faces, intent, replace(item, untouched=True), stored)

    return [(recording, "_take_creation", taken), (reconcile, "is_alike", lambda _name, _sights: True)]


def _version_decides() -> Patches:
    """A new version counts as an edit, whatever the content."""

    def moved(_base: Any, sight: Any) -> frozenset[str]:
        return frozenset(sight.face) - {REDACTED} if sight.event is not None else frozenset()

    return [(reconcile, "moved", moved), (sights, "moved", moved)]


# -- R10: a second look ------------------------------------------------------------------------------------


def _no_look_before_write() -> Patches:
    """What is written to OpenCRM need not be what was decided on."""
    fresh = Writer._fresh
    return [(Writer, "_fresh", lambda self, key, _version: fresh(self, key, ""))]


def _no_careful_look() -> Patches:
    """The same for CRMs whose adapters are made of records."""
    current = CarefulSide._current
    return [(CarefulSide, "_current", lambda self, key, _version: current(self, key, ""))]


# -- R11, R12: permission and exclusion --------------------------------------------------------------------


def _permission_ignored() -> Patches:
    """Every record counts as the person's own."""
    own = Access(Level.DELETE, "mutant", frozenset({Relation.MINE}))
    return [(crm_side, "decide", lambda _person, _record: own)]


def undecided() -> Patches:
    """The decision about records of others gets lost on its way, and nobody before Google notices."""
    item, crosses = BuiltinSide._item, crossing._crosses

    def without(self: Any, connection: Any, row: Any) -> Any:
        found = item(self, connection, row)
        if row["owner"] == self._login or row["deleted"]:
            return found
        return replace(found, event=crm_side.event_of(row), access=None)

    return [
        (BuiltinSide, "_item", without),
        (
            crossing,
            "_crosses",
            lambda scene, one, is_copy: one.access is None or crosses(scene, one, is_copy),
        ),
    ]


def _undecided_accepted() -> Patches:
    """The Google side takes writes without a decision, and some of them have none."""
    create, update = GoogleSide._create, GoogleSide._update

    def write(self: Any, one: Any) -> Any:
        if isinstance(one, Delete):
            return self._delete(one)
        if isinstance(one, Revive):
            return self._revive(one)
        return create(self, one) if isinstance(one, Create) else update(self, one)

    return [*undecided(), (GoogleSide, "_write", write)]


def _no_lock() -> Patches:
    """Two rounds of one account may run at once."""
    return [(engine, "holding", lambda *_arguments: nullcontext())]


MUTANTS: dict[str, Mutant] = {
    "no-intents": Mutant("R1", _without_intents(*Verb), "crash", 330),
    "no-create-intents": Mutant("R1", _without_intents(Verb.CREATE), "crash", 333),
    "no-update-intents": Mutant("R1", _without_intents(Verb.UPDATE), "crash", 527),
    "no-retract-intents": Mutant("R1", _without_intents(Verb.RETRACT), "crash", 1852),
    "id-not-recorded": Mutant("R2", _id_not_recorded, "crash", 86),
    "no-reference-in-crm": Mutant("R2", _no_reference_in_crm, "crash", 6),
    "no-if-match": Mutant("R3", _no_if_match, "inter", 589),
    "base-reread": Mutant("R3", _base_reread, "inter", 649),
    "cursor-first": Mutant("R4", _cursor_first, "crash", 20),
    "losers-later": Mutant("R5", _losers_later, "crash", 96),
    "losers-forgotten": Mutant("R5", _losers_forgotten, "inter", 13),
    "tombstone-adopted": Mutant("R6", _tombstone_adopted, "loss", 406),
    "deletion-beats-edit": Mutant("R7", _deletion_beats_edit, "inter", 47),
    "deletion-without-right": Mutant("R7", _deletion_without_right, "inter", 38),
    "orphan-agrees": Mutant("R8", _orphan_agrees, "crash", 56),
    "version-decides": Mutant("R9", _version_decides, "inter", 60),
    "no-look-before-write": Mutant("R10", _no_look_before_write, "versionless", 3),
    "no-careful-look": Mutant("R10", _no_careful_look, "", 0),
    "permission-ignored": Mutant("R11", _permission_ignored, "crash", 1),
    "undecided-accepted": Mutant("R11", _undecided_accepted, "crash", 1),
    "no-lock": Mutant("R12", _no_lock, "rival", 20),
    **PERMISSION_MUTANTS,
}


@contextmanager
def planted(name: str) -> Iterator[None]:
    """Work without one rule."""
    with ExitStack() as stack:
        for owner, attribute, instead in MUTANTS[name].plant():
            stack.enter_context(patch.object(owner, attribute, instead))
        yield
