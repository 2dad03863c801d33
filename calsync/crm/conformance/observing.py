"""Checks of observation: everything once, then what has changed, and never less than that."""

from __future__ import annotations

from calsync.crm.conformance.trial import Failed, Look, Trial, expect, expect_same
from calsync.model.errors import CursorExpired
from calsync.model.side import Delete, Page


def observe_lists_everything_at_first(trial: Trial) -> None:
    """The first observation is complete, and shows entries as a read does."""
    item = trial.create()
    look = trial.look()
    expect(look.complete, "the first observation does not say that it is complete")
    shown = look.items.get(item.key)
    expect(
        shown is not None and not shown.gone, "a complete observation does not list an entry that is there"
    )
    read = trial.there(item.key)
    expect(
        shown is not None and shown.content == read.content, "an observation shows something else than a read"
    )
    expect(
        shown is not None and shown.version == read.version, "an observation has another version than a read"
    )


def observe_shows_changes(trial: Trial) -> None:
    """After a cursor come entries that were made or changed since, with their content."""
    old = trial.create()
    cursor = trial.look().cursor
    new = trial.create(trial.event("new"))
    trial.update(old, trial.event("changed"), "title")
    look = trial.look(cursor)
    for key, title in ((old.key, "changed"), (new.key, "new")):
        _expect_shown(trial, look, key, title)


def observe_shows_deletions(trial: Trial) -> None:
    """After a cursor, a deleted entry is shown as gone, unless the cursor expires and everything is listed without it."""
    item = trial.create()
    cursor = trial.look().cursor
    trial.do(Delete(item.key))
    expect(trial.look(cursor).misses(item.key), "nothing tells that an entry was deleted")
    expect(trial.look().misses(item.key), "a deleted entry is listed as a living one")


def observe_goes_on_from_its_end(trial: Trial) -> None:
    """Where nothing has moved, nothing is news, and every cursor leads on."""
    item = trial.create()
    look = trial.look()
    for _ in range(2):
        again = trial.look(look.cursor)
        shown = again.items.get(item.key)
        expect(
            shown is None or shown.version == look.items[item.key].version,
            "an entry at rest has a new version",
        )
        look = Look({**look.items, **again.items}, again.cursor, again.complete)
    trial.update(item, trial.event("moved"), "title")
    _expect_shown(trial, trial.look(look.cursor), item.key, "moved")


def observe_misses_no_change_beside_it(trial: Trial) -> None:
    """What is changed while an observation runs is shown by it, or by the next one."""
    item = trial.create()
    pages = trial.side().observe(None)
    seen: list[Page] = [next(pages)]
    trial.update(item, trial.event("beside"), "title")
    seen.extend(pages)
    look = trial.gather(seen)
    shown = look.items.get(item.key)
    if shown is not None and shown.content is not None and shown.content.title.endswith("beside"):
        return
    _expect_shown(trial, trial.look(look.cursor), item.key, "beside")


def observe_knows_when_a_cursor_is_no_use(trial: Trial) -> None:
    """A cursor that the CRM cannot follow raises CursorExpired, so that everything is listed instead."""
    for cursor in ("calsync: no such place", "-1"):
        try:
            look = trial.gather(list(trial.side().observe(cursor)))
        except CursorExpired:
            continue
        expect(look.complete, "a cursor that is none was followed as if nothing had happened")


def observe_is_the_persons_own(trial: Trial) -> None:
    """Whoever the CRM does not know sees nothing."""
    item = trial.create()
    try:
        look = trial.look(login=f"calsync-{trial.word}")
    except Failed:
        raise
    except Exception:  # noqa: BLE001 - whichever way a stranger is turned away
        return
    expect(item.key not in look.items, "somebody whom the CRM does not know sees a person's entries")


def _expect_shown(trial: Trial, look: Look, key: str, title: str) -> None:
    shown = look.items.get(key)
    expect(shown is not None and not shown.gone, f"an observation does not show what was {title}")
    content = shown.content if shown else None
    expect_same(trial.able, trial.event(title), content, f"an observation of what was {title}")


CHECKS = (
    observe_lists_everything_at_first,
    observe_shows_changes,
    observe_shows_deletions,
    observe_goes_on_from_its_end,
    observe_misses_no_change_beside_it,
    observe_knows_when_a_cursor_is_no_use,
    observe_is_the_persons_own,
)
