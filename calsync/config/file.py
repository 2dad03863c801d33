"""Finding the file, reading it, and laying the environment over it; mistakes in words."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from calsync.config.settings import SECTIONS, ConfigError, Settings

SEARCH = (Path("/etc/calsync/calsync.toml"), Path("config/calsync.toml"))
PREFIX = "CALSYNC_"
_OTHER_ENVIRONMENT = {"CALSYNC_CONFIG", "CALSYNC_FIXTURES", "CALSYNC_VENV"}


def find_file(path: str | None) -> Path:
    """Return the configuration file to use: the option, $CALSYNC_CONFIG, then the usual places."""
    chosen = path or os.environ.get("CALSYNC_CONFIG")
    if chosen:
        if not Path(chosen).is_file():
            raise ConfigError(f"configuration: {chosen} does not exist; run `calsync --config {chosen} init`")
        return Path(chosen)
    for place in SEARCH:
        if place.is_file():
            return place
    places = " or ".join(str(place) for place in SEARCH)
    raise ConfigError(f"configuration: no file at {places}; run `calsync init` or give --config")


def load(path: str | None) -> Settings:
    """Read, override and check the configuration; ConfigError."""
    file = find_file(path)
    try:
        document = tomllib.loads(file.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"configuration: {file} is not valid TOML: {error}") from None
    except OSError as error:
        raise ConfigError(f"configuration: {file} cannot be read ({error.strerror})") from None
    _check_sections(document)
    for place, value in _overrides(os.environ):
        _override(document, place, value)
    try:
        settings = Settings(**document, path=file)
    except ValidationError as error:
        raise ConfigError(_sentence(error)) from None
    settings.database_url()
    return settings


def _check_sections(document: Mapping[str, Any]) -> None:
    for name, section in document.items():
        if name not in SECTIONS:
            raise ConfigError(
                f"{name}: unknown key{_near(name, SECTIONS)}; sections are {', '.join(SECTIONS)}"
            )
        if not isinstance(section, dict):
            raise ConfigError(f"{name}: must be a section; write [{name}] and its keys below")
    for name, value in document.get("crm", {}).items():
        if name != "backend" and not isinstance(value, dict):
            raise ConfigError(f"crm.{name}: unknown key{_near(name, ['backend'], 'crm.')}")


def _overrides(environment: Mapping[str, str]) -> Iterator[tuple[list[str], Any]]:
    """Yield the settings in the environment: where they belong, and their values."""
    for name, value in sorted(environment.items()):
        if not name.startswith(PREFIX) or name in _OTHER_ENVIRONMENT:
            continue
        place = name.removeprefix(PREFIX).lower().split("__")
        if len(place) < 2 or place[0] not in SECTIONS or not all(place):
            near = difflib.get_close_matches(place[0], SECTIONS, 1)
            hint = f"did you mean {PREFIX}{near[0].upper()}__...?" if near else f"use {PREFIX}SECTION__KEY"
            raise ConfigError(f"environment: {name} names no setting; {hint}")
        yield place, _parsed(value)


def _override(document: dict[str, Any], place: list[str], value: Any) -> None:
    section = document
    for name in place[:-1]:
        section = section.setdefault(name, {})
        if not isinstance(section, dict):
            raise ConfigError(
                f"environment: {PREFIX}{'__'.join(place).upper()}: {name} has no keys of its own"
            )
    section[place[-1]] = value


def _parsed(value: str) -> Any:
    """Return a value from the environment: TOML where it is a list or a table, else the text."""
    if value[:1] in "[{":
        try:
            return tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            return value
    return value


#: Our words for what pydantic finds, by its error types; {…} are the parts of its context.
_WORDS = {
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "string_type": "must be text in quotes",
    "enum": "must be one of {expected}",
    "literal_error": "must be one of {expected}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than_equal": "must be at most {le:g}",
    "model_type": "must be a table such as {{ count = 10, share = 0.05 }}",
    "model_attributes_type": "must be a table such as {{ count = 10, share = 0.05 }}",
}


def _sentence(error: ValidationError) -> str:
    """Return the first mistake as one line; values are not repeated, since they may be secrets."""
    first = error.errors()[0]
    location = [str(part) for part in first["loc"]]
    key = ".".join(location)
    if first["type"] == "extra_forbidden":
        names = list(_siblings(location))
        parent = "".join(f"{part}." for part in location[:-1])
        return f"{key}: unknown key{_near(location[-1], names, parent)}"
    words = _WORDS.get(first["type"])
    if words is None:
        # What is wrong with several sections together names its key itself.
        return f"{key}: {str(first['msg']).removeprefix('Value error, ')}".removeprefix(": ")
    default = _default(location)
    hint = f"; the default is {default}" if default is not None else ""
    return f"{key}: {words.format(**first.get('ctx', {}))}{hint}"


def _near(name: str, names: Iterable[str], parent: str = "") -> str:
    near = difflib.get_close_matches(name, list(names), 1, 0.5)
    return f"; did you mean {parent}{near[0]}?" if near else ""


def _siblings(location: list[str]) -> Iterator[str]:
    model: Any = Settings
    for part in location[:-1]:
        model = model.model_fields[part].annotation
    yield from model.model_fields


def _default(location: list[str]) -> str | None:
    value: Any = Settings
    for part in location:
        fields = getattr(type(value) if isinstance(value, BaseModel) else value, "model_fields", {})
        if part not in fields:
            return None
        value = fields[part].default
    if isinstance(value, BaseModel):
        return None
    return f'"{value}"' if isinstance(value, str) else str(value)
