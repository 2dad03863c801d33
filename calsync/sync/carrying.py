"""Whether a field may be carried from one side of a link to the other. Pure."""

from __future__ import annotations

from calsync.model.event import exception_key, is_guest, is_text, whole_name
from calsync.model.link import CANCELLED, REDACTED, Base, Sight
from calsync.model.permission import Level
from calsync.model.side import SideName
from calsync.sync.decision import Rules
from calsync.sync.guests import is_answer, only_guests_moved, there, writes_guests

GOOGLE, CRM = SideName.GOOGLE, SideName.CRM

#: Fields that a person has for themselves: on their own copy they may change them whatever the original says.
PERSONAL = frozenset({"reminders", "visibility"})


def crosses(name: str, target: SideName, base: Base, sights: dict[SideName, Sight], rules: Rules) -> bool:
    """Return whether the rules let a field move to `target`."""
    if not rules.direction.towards(target):
        return False
    if target is GOOGLE and not writes_guests(base, sights, rules):
        if is_guest(name):
            # Guests of a record that has become somebody else's are taken off: they are on that person's copy.
            leaves = rules.guests_write and base.origin is CRM and name not in sights[CRM].face
            return leaves or is_answer(name, target, base, sights, rules)
        if exception_key(name) and only_guests_moved(name, base, sights[CRM]):
            return False
    if is_text(name) or name == "visibility":
        return REDACTED not in there(target, base, sights)
    return True


def may_carry(name: str, target: SideName, base: Base, sights: dict[SideName, Sight], rules: Rules) -> bool:
    """Return whether a field may move to `target`: by the rules, and by what the person may do there."""
    allowed = sights[target].level >= Level.EDIT or (target is GOOGLE and is_personal(name))
    allowed = allowed or is_answer(name, target, base, sights, rules)
    if target is CRM and exception_key(name) and is_of_this_copy(name, base, sights):
        return False
    return allowed and crosses(name, target, base, sights, rules)


def is_of_this_copy(name: str, base: Base, sights: dict[SideName, Sight]) -> bool:
    """Return whether an exception at Google says nothing about the record.

    Of a copy without texts, or of one that is private while the record is not, since the record would lose those of
    the occurrence; and of a guest who is not invited to one occurrence: on their calendar it is cancelled.
    """
    google, shared = sights[GOOGLE].face, not sights[CRM].owned
    if google.get(name) == CANCELLED:
        return shared and sights[GOOGLE].level is Level.READ
    if shared and REDACTED in google and base.linked:
        return (base.google or {}).get("title") != (base.crm or {}).get("title")
    return REDACTED in there(CRM, base, sights)


def is_personal(name: str) -> bool:
    """Return whether a field is the person's own on each copy."""
    return whole_name(name) in PERSONAL
