"""Aligned columns for people; programs use --json."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return rows under their heads, one line each, columns two spaces apart; None is a dash."""
    lines = [list(heads), *([printable(cell) for cell in row] for row in rows)]
    widths = [max(cell_len(line[n]) for line in lines) for n in range(len(heads))]
    return "\n".join(_line(line, widths) for line in lines)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [cell + " " * (width - cell_len(cell)) for cell, width in zip(cells, widths, strict=True)]
    return "  ".join(padded).rstrip()


def printable(value: object) -> str:
    """Return a value on one line; what could steer a terminal is taken out, since titles come from strangers."""
    if value is None or value == "":
        return "-"
    text = " ".join(str(value).split())
    return "".join(character if character.isprintable() else "?" for character in text)
