"""Reading the README as a person does: its commands in order, its links, its names.

A fenced block of shell is run. A comment before it says otherwise: `<!-- aside: why it cannot run here -->`, or
`<!-- background: ... -->` for what runs until it is stopped.
"""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "README.md").read_text()

_BLOCK = re.compile(r"(?:<!-- (aside|background): [^>]+ -->\n)?```(\w*)\n(.*?)```", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced block; `how` is "run", "aside" or "background"."""

    how: str
    language: str
    text: str


def blocks() -> list[Block]:
    return [Block(how or "run", language, text) for how, language, text in _BLOCK.findall(TEXT)]


def shell_blocks() -> list[Block]:
    return [block for block in blocks() if block.language == "sh" and block.how != "aside"]


def mentioned() -> set[str]:
    """Return everything in backquotes outside of blocks."""
    return set(re.findall(r"`([^`\n]+)`", _BLOCK.sub("", TEXT)))


def links() -> set[str]:
    return set(re.findall(r"\]\(([^)]+)\)", TEXT))
