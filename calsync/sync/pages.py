"""A page of a listing, an item for each entry: a series and its exceptions are listed apart, in any order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from calsync.model.event import Event
from calsync.model.side import Item

#: Exceptions that came before their series, by the key of that.
Early = dict[str, dict[str, Event | None]]


def joined(items: Iterable[Item], early: Early) -> Mapping[str, Item]:
    """Return what a page says about each entry, by its key.

    `early`: exceptions that earlier pages of the same listing have shown before their series. Those of this page
    are added to it; each series gets its own.
    """
    merged: dict[str, Item] = {}
    for item in items:
        before = merged.get(item.key)
        merged[item.key] = item if before is None else _join(before, item)
    return {key: _with_early(item, early) for key, item in merged.items()}


def _with_early(item: Item, early: Early) -> Item:
    if item.event is None and item.exceptions:
        early.setdefault(item.key, {}).update(item.exceptions)
    elif item.key in early and item.event is not None and not item.partial:
        return replace(item, exceptions={**early.pop(item.key), **item.exceptions})
    return item


def _join(before: Item, item: Item) -> Item:
    main = item if item.version or item.event or item.gone else before
    if before.problem or item.problem:
        return replace(main, problem=item.problem or before.problem)
    return replace(main, exceptions={**before.exceptions, **item.exceptions})
