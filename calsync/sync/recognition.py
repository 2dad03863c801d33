"""Links that began with nothing but an exception of a series: once the series is read, it may turn out to be a copy."""

from __future__ import annotations

from sqlalchemy import Engine

from calsync.model.side import Item, SideName
from calsync.store import links
from calsync.store.database import writing
from calsync.store.links import Link
from calsync.sync import sights
from calsync.sync.adoption import original_of
from calsync.sync.scene import Scene


def is_unnamed_copy(scene: Scene, link: Link, side: SideName, item: Item) -> bool:
    """Return whether a link takes for an event of its own what names an original on the other side."""
    alone = link.origin is side and link.half(side.other).key is None and not link.base.linked
    return alone and not link.intents and not item.gone and bool(original_of(scene, side, item))


def introduce_anew(engine: Engine, scene: Scene, link: Link, side: SideName, item: Item) -> None:
    """Forget a link, and take in its event as if it had been listed whole: with its original, if that is known."""
    with writing(engine) as connection:
        links.remove(connection, [link.id] if link.id else [])
        sights.record(connection, scene, side, [item])
