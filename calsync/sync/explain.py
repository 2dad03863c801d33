"""Why an event is, or is not, on the other side: looked up now on both sides, nothing is changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field

from calsync.model.errors import Refused, Stale
from calsync.model.event import EXCEPTION, whole_name
from calsync.model.link import Kind
from calsync.model.permission import Level
from calsync.model.policy import hides
from calsync.model.side import SIDES, Item, SideName
from calsync.store import journal, links
from calsync.store.accounts import RUNNING, State
from calsync.store.database import reading
from calsync.store.journal import Entry
from calsync.store.links import Link
from calsync.sync import sights
from calsync.sync.decision import Change, Decision, Remove
from calsync.sync.reconcile import reconcile
from calsync.sync.settle import Work


@dataclass(slots=True)
class Explanation:
    """What is known of an event. `answer` is a sentence; ids are those of the two sides; `rule` decides how much of a
    record goes to Google.
    """

    answer: str = ""
    google_id: str | None = None
    crm_id: str | None = None
    origin: str | None = None
    permission: str | None = None
    rule: str | None = None
    decision: str | None = None
    next_writes: list[str] = field(default_factory=list)
    #: Ids (Google, CRM) of the occurrences of a series, where the CRM has each of them as an event of its own.
    occurrences: list[tuple[str, str | None]] = field(default_factory=list)
    history: list[Entry] = field(default_factory=list)


def explain(work: Work, event: str, found: Explanation) -> None:
    """Fill in what there is to say about an event by its id on either side.

    Raises a SideError when a side as a whole cannot answer.
    """
    with reading(work.engine) as connection:
        link = links.by_event(connection, work.scene.account.id, event)
        found.history = journal.of_link(connection, link.id) if link is not None else []
    if link is None:
        found.answer = _series(work, event, found) or _unlinked(work, event, found)
        return
    found.google_id, found.crm_id, found.origin = link.google.key, link.crm.key, link.origin.value
    if link.access is not None:
        found.permission = f"{link.access.level.name.lower()} ({link.access.because})"
    if link.cause is not None:
        found.answer = f"set aside: {link.cause}"
        return
    decision = _decision(work, deepcopy(link), found)
    state = work.scene.account.state
    found.decision, found.next_writes = decision.because, [_words(action) for action in decision.actions]
    found.answer = _answer(link, decision, found)
    if decision.actions and state not in RUNNING:
        found.answer = f"nothing is written while the account is {state.value}; then {found.answer}"
    elif state is State.BRAKED and any(isinstance(action, Remove) for action in decision.actions):
        found.answer = f"held by the brake until `calsync approve`: {decision.because}"


def _decision(work: Work, link: Link, found: Explanation) -> Decision:
    """Decide about a copy of the link as it would be decided if both sides were looked at now."""
    for side in SIDES:
        key = link.half(side).key
        if key is not None:
            item = work.sides[side].read(key)
            if side is SideName.CRM and link.origin is side:
                _rule(work, item, found)
            sights.look(work.scene, link, side, item)
    if not (link.dirty or link.base.linked):
        return Decision("it rests until somebody changes it")
    seen = {side: sights.sight(work.scene, link, side) for side in SIDES}
    return reconcile(link.base, seen[SideName.GOOGLE], seen[SideName.CRM], work.rules)


def _rule(work: Work, item: Item | None, found: Explanation) -> None:
    """Note the rule that decides how much of a record goes out, and the permission as it is now."""
    if item is None or item.access is None:
        return
    found.permission = f"{item.access.level.name.lower()} ({item.access.because})"
    if not item.gone:
        found.rule = work.scene.policy.ruling(item.access, item.nature).because


def _words(action: object) -> str:
    if isinstance(action, Remove):
        return f"delete on {action.side.value}"
    if isinstance(action, Change):
        return f"change on {action.side.value}: {', '.join(_plain_names(action.fields))}"
    return f"create on {getattr(action, 'side', '')}"


def _plain_names(fields: Iterable[str]) -> list[str]:
    return sorted({"one occurrence" if name.startswith(EXCEPTION) else whole_name(name) for name in fields})


_RESTING = {
    Kind.OUTSIDE: "its time lies outside the window of days that are synced",
    Kind.WITHHELD: "permission, push rules or the rule for private events keep it where it is",
}


def _answer(link: Link, decision: Decision, found: Explanation) -> str:
    if decision.actions:
        return f"the next round writes: {decision.because}"
    for half in (link.google, link.crm):
        if half.state is Kind.WITHHELD and half is link.crm and found.rule:
            return f"it rests: {found.rule}"
        if half.state in _RESTING:
            return f"it rests: {_RESTING[half.state]}"
    if link.base.linked:
        if not decision.held:
            return "on both sides and in step"
        organised = link.google_access is not None and link.google_access.level < Level.EDIT
        rules = "since only its organiser may change it at Google" if organised else "by the rules"
        return f"on both sides and in step; a difference is held back {rules}"
    side = next((side for side in SIDES if link.half(side).key is not None), link.origin)
    if decision.held:
        return f"only on {side.value}: the direction of the account keeps it there"
    return f"only on {side.value}: a run was undone, or it rests until somebody changes it"


def _series(work: Work, event: str, found: Explanation) -> str:
    """Say that a series of Google's is a number of events in the CRM; "" for anything else."""
    with reading(work.engine) as connection:
        occurrences = links.of_series(connection, work.scene.account.id, event)
    if not occurrences:
        return ""
    found.google_id, found.origin = event, occurrences[0].origin.value
    found.occurrences = [(link.google.key or "", link.crm.key) for link in occurrences]
    there = sum(link.crm.key is not None for link in occurrences)
    return f"a series: the CRM has none, so that {there} of its occurrences are events of their own there; ask for one"


def _unlinked(work: Work, event: str, found: Explanation) -> str:
    """Say why an event that has no link has none."""
    for side in SIDES:
        try:
            item = work.sides[side].read(event)
        except (Refused, Stale):
            item = None
        if item is None:
            continue
        if side is SideName.GOOGLE:
            found.google_id = event
        else:
            found.crm_id = event
        if side is SideName.CRM:
            _rule(work, item, found)
        elif item.access is not None:
            found.permission = f"{item.access.level.name.lower()} ({item.access.because})"
        return _why_not(work, side, item)
    return "neither side knows an event with this id"


def _why_not(work: Work, side: SideName, item: Item) -> str:
    scene = work.scene
    if item.gone:
        return (
            "it is deleted, or cancelled, in the CRM" if side is SideName.CRM else "it is deleted at Google"
        )
    if item.problem:
        return f"it cannot be read: {item.problem}"
    if side is SideName.CRM:
        return _why_not_pushed(work, item)
    if item.access is not None and item.access.level is Level.NONE:
        return f"it does not belong in the CRM: {item.access.because}"
    if item.event is not None and hides(item.event, scene.policy):
        return "it is private, and private events are skipped"
    if item.event is not None and scene.window.is_past(item.event):
        return "it lies before the window of days that are synced"
    return "it was not seen yet; the next round takes it"


def _why_not_pushed(work: Work, item: Item) -> str:
    scene = work.scene
    if item.access is None or item.event is None:
        because = item.access.because if item.access is not None else "nothing is known"
        return f"the person may not see it: {because}"
    ruling = scene.policy.ruling(item.access, item.nature)
    if not ruling.level:
        return ruling.because
    if scene.window.is_past(item.event):
        return "it lies before the window of days that are synced"
    return "it was not seen yet; the next round takes it"


def steps_of(entries: Sequence[Entry]) -> list[dict[str, str]]:
    """Return the history of a link in plain words, oldest first."""
    return [
        {
            "at": entry.at.isoformat().replace("+00:00", "Z"),
            "run": entry.run_id,
            "side": entry.side.value,
            "action": entry.verb.value,
            "fields": ", ".join(_plain_names(entry.stored)) if entry.verb.value == "update" else "",
        }
        for entry in entries
    ]
