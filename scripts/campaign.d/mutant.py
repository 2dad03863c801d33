"""What a mutant is: a rule's removal from the engine, and where it should show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

#: Owner, attribute, and what is there instead.
Patches = list[tuple[Any, str, Any]]


@dataclass(frozen=True, slots=True)
class Mutant:
    """A rule's removal, the mode that can show it, and about how many runs of seed 1 that takes.

    Without a mode, only its story shows it.
    """

    rule: str
    plant: Callable[[], Patches]
    mode: str
    runs: int
