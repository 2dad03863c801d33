"""A Google meeting of several connected people is one CRM record, with a link for each of them.

Whoever comes first makes the record; the others join it, if they take part in it in the CRM too and its start agrees:
identities of meetings can be forged. What the record then gets from whom follows from who may edit what: its owner's
link carries the content, everybody's their own answer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine

from calsync.model.errors import Refused, Stale
from calsync.model.event import Event
from calsync.model.link import Base, Face, Kind, Verb
from calsync.model.side import Item, SideName
from calsync.store import accounts, links, meetings
from calsync.store.database import reading, writing
from calsync.store.links import Link
from calsync.store.meetings import Partner
from calsync.sync import sights
from calsync.sync.recording import release

if TYPE_CHECKING:
    from calsync.sync.settle import Plan, Work

#: How long a link waits for a record that somebody else's round is making.
WAIT = timedelta(seconds=5)

#: How long an answer waits for a host's round that does not come.
_LONGEST_WAIT = timedelta(hours=1)

#: How often it waits for a record whose start will agree once a partner's round has followed the meeting.
PATIENCE = 12


def join(work: Work, plans: Sequence[Plan]) -> tuple[list[Plan], list[Link]]:
    """Let links that would make a record join the one that a partner's link leads to.

    Returns the plans to be carried out, and links to be decided anew. Raises what a side as a whole raises.
    """
    creating = _creating(plans)
    if not creating:
        return list(plans), []
    with reading(work.engine) as connection:
        found = meetings.partners(connection, work.scene.account.id, creating)
    joined: list[Link] = []
    waiting: list[Link] = []
    twins: set[int] = set()
    for meeting, partners in found.items():
        for plan in creating[meeting]:
            record = next((partner.record for partner in partners if partner.record), None)
            if record is not None:
                twin = _take_up(work, plan, record, partners)
                if twin is not None:
                    twins.add(twin.id)
                    joined += [twin] if twin.crm.state is Kind.WITHHELD else []
                (joined if plan.link.crm.key else waiting if plan.waits else []).append(plan.link)
            elif any(partner.running for partner in partners):
                waiting.append(plan.link)
    _wait(work, waiting)
    apart = {id(link) for link in (*joined, *waiting)}
    kept = [plan for plan in plans if id(plan.link) not in apart and plan.link.id not in twins]
    return kept, joined


def contested(connection: Connection, work: Work, plans: Iterable[Plan]) -> list[Plan]:
    """Return plans that would make a record which somebody else has begun to make since they were joined.

    Call it inside the transaction that stores the intents.
    """
    creating = _creating(plans)
    if not creating:
        return []
    found = meetings.partners(connection, work.scene.account.id, creating, turn=True)
    begun = {meeting for meeting, partners in found.items() if any(_is_news(partner) for partner in partners)}
    return [plan for meeting in begun for plan in creating[meeting] if not plan.alone]


def call_others(connection: Connection, work: Work, plans: Iterable[Plan]) -> None:
    """Tell those who might make no record of a meeting that there is one which they can join."""
    made = {meeting for meeting, some in _creating(plans).items() if any(plan.link.crm.key for plan in some)}
    meetings.rouse(connection, work.scene.account.id, made)


def _is_news(partner: Partner) -> bool:
    return partner.record is not None or partner.running


def heir(engine: Engine, link: Link) -> str:
    """Return the CRM user who goes on with a record when this person leaves the meeting; "" when nobody does."""
    if link.meeting is None:
        return ""
    with reading(engine) as connection:
        partners = meetings.of_record(connection, link)
    return next((partner.user for partner in partners if partner.running), "")


def announce(connection: Connection, going: Iterable[Link]) -> None:
    """Tell guests of links whose Google copies are about to be taken back: Google cancels their invitations with them.

    Call it in a transaction that is committed before that.
    """
    told = [partner for link in going for partner in meetings.of_record(connection, link)]
    if told:
        meetings.announce_withdrawal(connection, told)


def replace_invitations(work: Work) -> None:
    """Let the copies of records take the place of invitations that have vanished by our own doing."""
    account_id = work.scene.account.id
    with reading(work.engine) as connection:
        batch = links.by_ids(connection, meetings.uninvited(connection, account_id))
    gone = [link for link in batch if link.google.state is Kind.GONE]
    replaced = [link for link in gone if _is_replaced(work, link)]
    if replaced:
        with writing(work.engine) as connection:
            links.save(connection, replaced)
            meetings.forget_notices(connection, account_id, [link.id for link in replaced])


def awaits_host(work: Work, link: Link) -> bool:
    """Let a link whose invitation has vanished wait for the next round of its host; False when that was, or is no use.

    Who was taken off the record, and put back before this round, gets the invitation back by that: they have
    declined nothing.
    """
    with reading(work.engine) as connection:
        hosts = [
            partner for partner in meetings.of_record(connection, link) if partner.hosts and partner.running
        ]
    since = link.retry_at - WAIT if link.retry_at is not None else work.scene.now
    has_looked = all(host.looked_at is not None and host.looked_at > since for host in hosts)
    if has_looked or work.scene.now - since > _LONGEST_WAIT:
        return False
    link.dirty, link.retry_at = True, since + WAIT
    with writing(work.engine) as connection:
        links.save(connection, [link])
        accounts.wake(connection, {host.user for host in hosts}, work.scene.now)
    return True


def _is_replaced(work: Work, link: Link) -> bool:
    try:
        stand_for_record(work, link)
    except (Refused, Stale):
        return False
    return True


def stand_for_record(work: Work, link: Link) -> None:
    """Let a link whose invitation has vanished stand for the record itself from now on.

    What comes now is a copy of it, if the person may have one, without the guests that are its owner's to invite. It
    is looked at anew, since an invitation may tell more than a copy. Raises what the CRM does, and Stale.
    """
    item = sights.read(work.sides[SideName.CRM], link)
    link.origin = SideName.CRM
    release(link, SideName.GOOGLE)
    link.meeting, link.dirty, link.retry_at = None, True, None
    sights.look(work.scene, link, SideName.CRM, item)


def take_up_notices(work: Work) -> None:
    """Look anew at links of which partners have said that their copy has become private, or public."""
    account_id = work.scene.account.id
    with reading(work.engine) as connection:
        ids = meetings.noticed(connection, account_id)
        batch = links.by_ids(connection, ids)
        for link in batch:
            link.veiled = any(partner.hides for partner in meetings.of_record(connection, link))
    for link in batch:
        if not _look_at_google(work, link):
            work.relist = True
        link.dirty, link.retry_at = True, None
    with writing(work.engine) as connection:
        links.save(connection, batch)
        meetings.forget_notices(connection, account_id, ids)


def tell(connection: Connection, work: Work) -> None:
    """Tell partners of links whose Google event has become private, or public, and wake their accounts."""
    if not work.scene.veils:
        return
    moved, work.scene.veils[:] = list(work.scene.veils), []
    told = [partner for link in moved for partner in meetings.of_record(connection, link)]
    if told:
        meetings.notify(connection, told)
        accounts.wake(connection, {partner.user for partner in told}, work.scene.now)


def _creating(plans: Iterable[Plan]) -> dict[int, list[Plan]]:
    """Return, by meeting, plans that make a CRM record of a Google event."""
    found: dict[int, list[Plan]] = defaultdict(list)
    for plan in plans:
        if plan.link.meeting is not None and any(
            intent.side is SideName.CRM and intent.verb is Verb.CREATE for intent, _ in plan.steps
        ):
            found[plan.link.meeting].append(plan)
    return found


def _take_up(work: Work, plan: Plan, record: str, partners: Sequence[Partner]) -> Link | None:
    """Join a link with a partner's record, if it is the same meeting for this person; otherwise it stands alone.

    Returns the link of the same person that had the record, if any. Of one that has led to a copy, made before
    Google showed them the meeting itself, the copy is taken back first: the plan then `waits`.
    """
    link = plan.link
    item = work.sides[SideName.CRM].read(record)
    event = plan.seen[SideName.GOOGLE].event
    with reading(work.engine) as connection:
        twin = links.by_keys(connection, link.account_id, SideName.CRM, [record]).get(record)
    if twin is not None and _is_handed_over(work, twin):
        plan.waits = True
        return None
    if item is None or event is None or not _is_joint(work, item) or _is_another(twin):
        plan.alone = True
        return None
    if not _starts_together(link, item, event, partners):
        _await_start(work, plan, [partner for partner in partners if partner.record == record])
        return _held_with(work, plan, twin)
    if twin is not None and (twin.google.key is not None or twin.intents):
        plan.waits = True
        if twin.intents or twin.crm.state is Kind.WITHHELD:
            return None
        twin.crm.state, twin.crm.seen, twin.dirty, twin.retry_at = Kind.WITHHELD, None, True, None
        with writing(work.engine) as connection:
            links.save(connection, [twin])
        return twin
    link.crm.key, link.match, link.intents = record, None, ()
    link.veiled = any(partner.hides for partner in partners if partner.record == record)
    google, crm = plan.seen[SideName.GOOGLE].face, sights.face_of(work.scene, link, SideName.CRM, item)
    if any(partner.hosts and partner.running for partner in partners if partner.record == record):
        # What differs now is what the host's round has not carried to their copy yet; but for the person's own answer.
        own = {name for name in (work.rules.own,) if google.get(name) != crm.get(name)}
        link.base = Base(_without(google, own), _without(crm, own), link.origin)
    elif item.access is not None and not item.access.relations:
        # Nothing more of it will be seen until the person takes part: what is the same now is agreed.
        common = dict(crm.items() & google.items())
        link.base = Base(common, common, link.origin)
    sights.look(work.scene, link, SideName.CRM, item)
    if link.veiled:
        _look_at_google(work, link)
    if link.hides:
        work.scene.veils.append(link)
    with writing(work.engine) as connection:
        links.remove(connection, [twin.id] if twin is not None else [])
        links.save(connection, [link])
        tell(connection, work)
    return twin


def _without(face: Face, names: Collection[str]) -> dict[str, str]:
    return {name: value for name, value in face.items() if name not in names}


def _look_at_google(work: Work, link: Link) -> bool:
    """See a link's Google event anew, since less of it may cross now; False when Google does not show it.

    A 404 for an event that is not known to be deleted proves nothing.
    """
    try:
        item = sights.read(work.sides[SideName.GOOGLE], link)
    except (Refused, Stale):
        return False
    if item is None:
        return False
    sights.look(work.scene, link, SideName.GOOGLE, item)
    return True


def _is_another(twin: Link | None) -> bool:
    """Return whether a record is that of another event on the same person's Google calendar."""
    return twin is not None and twin.google.key is not None and twin.origin is SideName.GOOGLE


def _is_handed_over(work: Work, twin: Link) -> bool:
    """Return whether a person's link leads to a record as the guest of a partner, while another invites them to it.

    A record has changed hands: the invitation that they had will vanish.
    """
    with reading(work.engine) as connection:
        return _is_another(twin) and bool(meetings.of_record(connection, twin))


def _is_joint(work: Work, item: Item) -> bool:
    """Return whether the person takes part in a record, or has declined to."""
    if item.gone or item.access is None:
        return False
    guests = work.scene.account.cipher.fingerprints.guests(item.event) if item.event is not None else {}
    return bool(item.access.relations) or work.rules.own in guests


def _starts_together(link: Link, item: Item, event: Event, partners: Sequence[Partner]) -> bool:
    """Return whether a record, or the Google event of somebody who has it, starts when this person's event does."""
    if item.event is not None and item.event.start == event.start:
        return True
    return any(partner.meets_at == link.meets_at for partner in partners if partner.record == item.key)


def _held_with(work: Work, plan: Plan, twin: Link | None) -> Link | None:
    """Let the record's own link, if it has led to nothing yet, make no copy while the meeting waits for the record."""
    if not plan.waits or twin is None or twin.google.key is not None or twin.intents:
        return None
    twin.dirty, twin.retry_at = True, work.scene.now + sights.INVITATION_WAIT
    with writing(work.engine) as connection:
        links.save(connection, [twin])
    return twin


def _await_start(work: Work, plan: Plan, partners: Sequence[Partner]) -> None:
    """Let a link wait while a partner's round can bring the record's start in step with the meeting's."""
    running = {partner.user for partner in partners if partner.running}
    if not running or plan.link.attempts >= PATIENCE:
        plan.alone = True
        return
    plan.waits = True
    plan.link.attempts += 1
    with writing(work.engine) as connection:
        accounts.wake(connection, running, work.scene.now)


def _wait(work: Work, waiting: Sequence[Link]) -> None:
    for link in waiting:
        link.intents, link.dirty, link.retry_at = (), True, work.scene.now + WAIT
    if waiting:
        with writing(work.engine) as connection:
            links.save(connection, waiting)
