"""The rules about who may know what, taken out of the engine one at a time; mode "permission" has to notice.

====  ==============================================================================================================
P1    the CRM's permissions are the outer limit; what nobody knows is denied
P2    what goes out is what `[sync]` names, and no more of it than it says
P3    of what is busy nothing but the times goes out, occurrences of a series included
P4    what may no longer be known is taken back in one round, without mail, and the record stays
P5    guests are not written unless the operator says so
====  ==============================================================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mutant import Mutant, Patches

from calsync.config import settings
from calsync.crm.builtin import side as crm_side
from calsync.crm.opencrm import access as tenant_access
from calsync.google import mapping
from calsync.google.side import GoogleSide
from calsync.model import permission, policy, push
from calsync.model.event import Event
from calsync.model.permission import Level, Record, Relation, Security
from calsync.store import links
from calsync.sync import reconcile
from calsync.sync import round as rounds

# -- P1: permissions ---------------------------------------------------------------------------------------


def _always_edit() -> Patches:
    """Everybody may edit everything in the built-in CRM."""
    decide = permission.decide
    return [
        (
            crm_side,
            "decide",
            lambda person, record: replace(decide(person, record), level=Level.DELETE),
        )
    ]


def _security_instead(found: Callable[[Any, Record], Security | None]) -> Callable[[], Patches]:
    """Security counts as another one: what `found` returns."""

    def plant() -> Patches:
        by_security = permission._by_security

        def mutated(person: Any, record: Record) -> tuple[Level, str]:
            other = found(person, record)
            return by_security(person, replace(record, security=other) if other else record)

        return [(permission, "_by_security", mutated)]

    return plant


def _is_unknown(record: Record) -> bool:
    return record.security not in set(Security)


def _tenant_unknown_allowed() -> Patches:
    """An activity of which nobody knows the security may be read by all."""
    record = tenant_access.Judge._record

    def mutated(self: Any, activity: Any) -> Record:
        found: Record = record(self, activity)
        return replace(found, security=found.security or Security.PUBLIC_READ)

    return [(tenant_access.Judge, "_record", mutated)]


# -- P2: what goes out -------------------------------------------------------------------------------------


def _related(change: Callable[[Any, Record, set[Relation]], None]) -> Callable[[], Patches]:
    """Records are something else to people than they are."""

    def plant() -> Patches:
        relations = permission._relations

        def mutated(person: Any, record: Record) -> frozenset[Relation]:
            found = set(relations(person, record))
            change(person, record, found)
            return frozenset(found)

        return [(permission, "_relations", mutated)]

    return plant


def _declined_stays(person: Any, record: Record, found: set[Relation]) -> None:
    if person.email in record.declined and record.owner != person.login:
        found.add(Relation.INVITED)


def _all_of_a_team(_person: Any, _record: Record, found: set[Relation]) -> None:
    found.add(Relation.TEAM)


def _filters_ignored() -> Patches:
    """Type, status and category limit nothing."""
    ruling = policy.ruling
    return [(policy, "ruling", lambda rules, _filters, *rest: ruling(rules, (), *rest))]


def _unnamed_goes_out() -> Patches:
    """What a filter does not name goes out."""
    rule = push.Filter.rule

    def mutated(self: Any, nature: Any) -> push.Ruling:
        if nature.of(self.trait) in dict(self.amounts) or push.ANY in dict(self.amounts):
            return rule(self, nature)
        return push.Ruling(Level.READ, "mutant")

    return [(push.Filter, "rule", mutated), (policy, "ruling", push.ruling.__wrapped__)]


# -- P3: busy ----------------------------------------------------------------------------------------------


def _busy_in_full() -> Patches:
    """What is named with ":busy" goes out in full."""
    rule = settings._push_rule
    return [(settings, "_push_rule", lambda entry: (rule(entry)[0], Level.READ))]


def _busy_with(change: Callable[[Event, Event], Event]) -> Callable[[], Patches]:
    """A busy event keeps something of what it is."""

    def plant() -> Patches:
        busy = Event.busy
        return [(Event, "busy", lambda self: change(self, busy(self)))]

    return plant


def _with_title(event: Event, busy: Event) -> Event:
    return replace(busy, title=event.title, redacted=False)


def _with_exceptions(event: Event, busy: Event) -> Event:
    return replace(busy, exceptions=event.exceptions)


# -- P4: taking back ---------------------------------------------------------------------------------------


def _no_retraction() -> Patches:
    """What may no longer be known stays at Google."""
    return [
        (reconcile, "_withheld", lambda _base, _sights: reconcile.Decision("withheld", held=True)),
    ]


def _original_removed() -> Patches:
    """With the copy, the record goes too."""
    withheld = reconcile._withheld

    def mutated(base: Any, seen: Any) -> Any:
        found = withheld(base, seen)
        more = [reconcile.Remove(action.side.other) for action in found.actions]
        return replace(found, actions=(*found.actions, *more))

    return [(reconcile, "_withheld", mutated)]


def _rules_kept() -> Patches:
    """New settings hold for what is new."""
    return [(rounds, "_rules_moved", lambda _work: False)]


def _known_by_version() -> Patches:
    """A record that has not changed is not judged anew when the settings have."""
    return [(links, "reconsider", lambda _connection, _account: None)]


def _retraction_mails() -> Patches:
    """A copy that is taken back is deleted as a person would, with mails."""
    delete = GoogleSide._delete
    return [(GoogleSide, "_delete", lambda self, write: delete(self, replace(write, quiet=False)))]


# -- P5: guests --------------------------------------------------------------------------------------------


def _guests_written() -> Patches:
    """Guests are written whatever the operator says."""
    body_of = mapping.body_of
    return [(mapping, "body_of", lambda event, fields, _guests: body_of(event, fields, True))]


#: How many organisations are enough to show each, of seed 1.
PERMISSION_MUTANTS: dict[str, Mutant] = {
    name: Mutant(rule, plant, "permission", runs)
    for name, rule, plant, runs in (
        ("always-edit", "P1", _always_edit, 1),
        (
            "unknown-security-allowed",
            "P1",
            _security_instead(lambda _p, r: Security.PUBLIC_READ if _is_unknown(r) else None),
            5,
        ),
        (
            "private-for-administrators",
            "P1",
            _security_instead(
                lambda p, r: Security.GLOBAL if p.admin and r.security == Security.PRIVATE else None
            ),
            43,
        ),
        ("unknown-activity-allowed", "P1", _tenant_unknown_allowed, 5),
        ("declined-is-invited", "P2", _related(_declined_stays), 4),
        ("everybody-is-team", "P2", _related(_all_of_a_team), 6),
        ("filters-ignored", "P2", _filters_ignored, 2),
        ("unnamed-goes-out", "P2", _unnamed_goes_out, 6),
        ("busy-in-full", "P3", _busy_in_full, 3),
        ("busy-with-title", "P3", _busy_with(_with_title), 2),
        ("busy-with-exceptions", "P3", _busy_with(_with_exceptions), 6),
        ("no-retraction", "P4", _no_retraction, 1),
        ("original-removed", "P4", _original_removed, 1),
        ("rules-kept", "P4", _rules_kept, 6),
        ("known-by-version", "P4", _known_by_version, 29),
        ("retraction-mails", "P4", _retraction_mails, 1),
        ("guests-written", "P5", _guests_written, 1),
    )
}
