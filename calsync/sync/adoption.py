"""Copies that come into sight under a key that was not recorded: they name their original, and its link takes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import Connection

from calsync.model.link import Kind
from calsync.model.side import Item, SideName
from calsync.store import links
from calsync.store.links import Link
from calsync.sync.scene import Scene


def by_marker(
    connection: Connection,
    scene: Scene,
    side: SideName,
    items: Mapping[str, Item],
    known: dict[str, Link],
) -> tuple[dict[str, Link], set[str]]:
    """Return links of originals whose copies come into sight under a key that was not recorded, by that key.

    And the keys of strangers: entries that name an original which has its copy already, such as a deleted copy
    that a person has brought back after it was replaced.
    """
    originals: dict[str, str] = {}
    strangers: set[str] = set()
    for key, item in items.items():
        settled = item.gone or (key in known and not _is_nameless(known[key], side))
        original = "" if settled else original_of(scene, side, item)
        if original in originals.values():
            strangers.add(key)
        elif original:
            originals[key] = original
    if not originals:
        return {}, strangers
    found = links.by_keys(connection, scene.account.id, side.other, list(originals.values()))
    adopted: dict[str, Link] = {}
    for key, original in originals.items():
        link = found.get(original)
        if link is None:
            continue
        if _lacks_copy(link, side, items):
            adopted[key] = known.get(link.half(side).key or "", link)
            _give_copy(adopted[key], side, key)
            if key in known:
                _take_over(connection, adopted[key], known.pop(key), side)
        else:
            strangers.add(key)
    return adopted, strangers


def _lacks_copy(link: Link, side: SideName, items: Mapping[str, Item]) -> bool:
    """Return whether the copy that a link knows of, if any, was never seen or is gone."""
    half = link.half(side)
    if link.intents:
        return False
    listed = items.get(half.key or "")
    return half.key is None or half.state in (Kind.NEVER, Kind.GONE) or (listed is not None and listed.gone)


def _is_nameless(link: Link, side: SideName) -> bool:
    """Return whether nothing is known of a link's event but exceptions, which do not say what they are a copy of."""
    half, other = link.half(side), link.half(side.other)
    return other.key is None and not link.base.linked and not link.intents and half.version == ""


def _take_over(connection: Connection, link: Link, nameless: Link, side: SideName) -> None:
    """Give a link the exceptions that were listed before the copy which they belong to."""
    half, seen = link.half(side), nameless.half(side)
    half.state, half.seen = seen.state, seen.seen
    links.remove(connection, [nameless.id])


def _give_copy(link: Link, side: SideName, key: str) -> None:
    half = link.half(side)
    half.key, half.version, half.state, half.seen = key, "", Kind.NEVER, None
    # What was agreed was so with another copy: of this one nothing is known.
    link.base = replace(link.base.with_face(side, None), origin=link.origin)
    link.match = None


def bereft(
    scene: Scene, side: SideName, items: Mapping[str, Item], known: dict[str, Link]
) -> dict[str, Link]:
    """Return links that lost the key of their original, by that key, which the copy still names."""
    found = {}
    for key, link in known.items():
        other = link.half(side.other)
        if other.key is None and other.state not in (Kind.NEVER, Kind.GONE) and not link.intents:
            found[original_of(scene, side, items[key])] = link
    return {original: link for original, link in found.items() if original}


def original_of(scene: Scene, side: SideName, item: Item) -> str:
    """Return the key of what an item is a copy of, on this person's other side; "" for an event of its own."""
    if side is SideName.GOOGLE:
        return item.marker
    return (
        item.marker.removeprefix(scene.google_prefix) if item.marker.startswith(scene.google_prefix) else ""
    )
