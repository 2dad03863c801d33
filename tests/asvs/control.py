"""What a control is to its test: a story that comes out right with it, and how to take it out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any
from unittest.mock import patch

from tests.web.premises import Premises

Patches = list[tuple[Any, str, Any]]
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Control:
    """`story` raises AssertionError without the control; `plant` says what takes it out."""

    story: Callable[[Premises], None]
    plant: Callable[[], Patches]


@contextmanager
def removed(control: Control) -> Iterator[None]:
    """Take a control out for a while."""
    with ExitStack() as stack:
        for target, name, replacement in control.plant():
            stack.enter_context(patch.object(target, name, replacement))
        yield


def fresh(name: str) -> str:
    """Return a name that no story has used yet."""
    return f"{name}{next(_numbers)}"


def network() -> str:
    """Return an address of a network that nobody has called from yet."""
    number = next(_numbers)
    return f"100.{64 + number // 200}.{number % 200}.9"


def refuses(act: Callable[[], object], *errors: type[Exception]) -> bool:
    """Return whether something is refused with one of these errors."""
    try:
        act()
    except errors:
        return True
    return False


def nothing(*_: object, **__: object) -> None:
    """Do nothing: what is left of a control that was taken out."""
