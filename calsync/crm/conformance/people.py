"""Checks of who is who and who may what, and that nothing is left behind."""

from __future__ import annotations

from dataclasses import replace

from calsync.crm.conformance.trial import NotApplicable, Trial, expect
from calsync.model.errors import SideError
from calsync.model.event import Event, Visibility
from calsync.model.permission import Level
from calsync.model.side import Delete, Item, Patch, SideName, Update

_SECRET = "confidential-words"


def people_are_found_by_login(trial: Trial) -> None:
    """A person is the same in the list and by login; nobody is found by a login that does not exist."""
    person = trial.backend.person(trial.login)
    expect(person is not None and person.login == trial.login, "a person is not found by their login")
    expect(person in trial.backend.people(), "a person who is found is not in the list")
    expect(trial.backend.person(f"calsync-{trial.word}") is None, "a person is found who does not exist")
    logins = [person.login for person in trial.backend.people()]
    expect(len(set(logins)) == len(logins), "two people have one login")
    addresses = [person.email.lower() for person in trial.backend.people() if person.email]
    expect(
        len(set(addresses)) == len(addresses), "two people have one address, which is whom consent expects"
    )


def a_side_says_what_it_is(trial: Trial) -> None:
    """A side is the CRM's, counts its calls, names its entries, and has a version of its permissions."""
    side = trial.side()
    expect(side.name is SideName.CRM, "the side does not call itself the CRM's")
    expect(side.batch >= 1, "a side carries out no write at once")
    expect(isinstance(side.tells_before, bool), "a side does not say whether it tells what was there before")
    before = side.calls
    list(side.observe(None))
    expect(side.calls > before, "an observation was not counted as a call")
    expect(
        side.access_version() == trial.side().access_version(),
        "permissions that nobody has changed have moved",
    )
    expect(side.marker("a") != side.marker("b"), "two entries have one name on the other side")


def the_backend_answers(trial: Trial) -> None:
    """`check` is silent when all is well; what the web server mounts is a router or nothing."""
    trial.backend.check()
    router = trial.backend.router()
    expect(router is None or hasattr(router, "routes"), "`router` is neither a router nor None")


def changes_wake_the_person(trial: Trial) -> None:
    """`wakes` names nobody at first, and then whose calendar has changed, or nobody at all."""
    nobody, cursor = trial.backend.wakes("")
    expect(nobody == frozenset(), "somebody is woken before anything has changed")
    trial.create()
    woken, after = trial.backend.wakes(cursor)
    expect(isinstance(after, str), "`wakes` does not say where to go on")
    expect(not woken or trial.login in woken, "a change wakes others, but not the person whose it is")


def what_another_keeps_private_has_no_content(trial: Trial) -> None:
    """Of another person's private entry nothing is known but, at most, that time is taken."""
    other = _other(trial)
    secret = trial.event(_SECRET, description=_SECRET, location=_SECRET, visibility=Visibility.PRIVATE)
    made = trial.create(secret, login=other)
    for item in (trial.read(made.key), trial.look().items.get(made.key)):
        if item is None:
            continue
        expect(_SECRET not in repr(item), "a person sees the text of what another one keeps private")
        event = item.content
        expect(event is None or event.redacted, "a private entry of another person is shown as an open one")
        access = item.access
        expect(
            access is None or access.level <= Level.BUSY, "access to a private entry is more than its time"
        )


def what_another_keeps_private_stays_as_it_is(trial: Trial) -> None:
    """Another person's private entry is neither changed nor deleted."""
    other = _other(trial)
    secret = trial.event("mine", visibility=Visibility.PRIVATE)
    made = trial.create(secret, login=other)
    patch = Patch(frozenset({"title"}), replace(trial.event("yours")))
    outcomes = [trial.do(Update(made.key, patch, made.version)), trial.do(Delete(made.key, made.version))]
    left = trial.read(made.key, other)
    same = left is not None and not left.gone and left.content is not None
    expect(
        same and left is not None and _same(left.content, made.content),
        "a private entry of another was changed",
    )
    expect(
        any(isinstance(outcome, SideError) for outcome in outcomes),
        "nothing says that a write was not allowed",
    )


def _same(one: Event | None, other: Event | None) -> bool:
    return one is not None and one == other


def _other(trial: Trial) -> str:
    if trial.other is None:
        raise NotApplicable("there is no second person")
    if "visibility" not in trial.able.keeps:
        raise NotApplicable("the CRM keeps nothing private")
    return trial.other


def nothing_is_left_behind(trial: Trial) -> None:
    """What the checks have made is gone when they are over."""
    trial.sweep()
    for login in filter(None, (trial.login, trial.other)):
        items = trial.look(login=login).items.values()
        left = [item for item in items if not item.gone and _is_ours(trial, item)]
        expect(not left, f"{len(left)} entries of the checks are still there; look for {trial.word!r}")
    found = [trial.side().find(marker) for marker in trial.markers[-20:]]
    expect(all(item is None or item.gone for item in found), "a marker of the checks still names an entry")


def _is_ours(trial: Trial, item: Item) -> bool:
    titled = item.content is not None and trial.word in item.content.title
    return titled or (bool(item.marker) and item.marker in trial.markers)


CHECKS = (
    people_are_found_by_login,
    a_side_says_what_it_is,
    the_backend_answers,
    changes_wake_the_person,
    what_another_keeps_private_has_no_content,
    what_another_keeps_private_stays_as_it_is,
)
LAST = (nothing_is_left_behind,)
