"""The discovery document that google-api-python-client packages: services built from it, and its schemas."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

from jsonschema import Draft202012Validator

_KEPT = ("type", "enum", "pattern")


@cache
def document() -> dict[str, Any]:
    name = "discovery_cache/documents/calendar.v3.json"
    return json.loads(resources.files("googleapiclient").joinpath(name).read_bytes())


@cache
def _definitions() -> dict[str, Any]:
    return {name: _schema(schema) for name, schema in document()["schemas"].items()}


def _schema(found: dict[str, Any]) -> dict[str, Any]:
    """Return a schema of the discovery document as JSON schema: unknown properties are refused."""
    if "$ref" in found:
        return {"$ref": f"#/$defs/{found['$ref']}"}
    if found.get("type") == "any":
        return {}
    made: dict[str, Any] = {name: found[name] for name in _KEPT if name in found}
    if "items" in found:
        made["items"] = _schema(found["items"])
    if "properties" in found:
        made["properties"] = {name: _schema(part) for name, part in found["properties"].items()}
        made["additionalProperties"] = False
    if "additionalProperties" in found:
        made["additionalProperties"] = _schema(found["additionalProperties"])
    return made


@cache
def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": _definitions()})


@cache
def answer_schemas() -> dict[str, str]:
    """Return the names of the schemas of answers by method, e.g. "calendar.events.list"."""
    methods = [
        method for resource in document()["resources"].values() for method in resource["methods"].values()
    ]
    return {method["id"]: method["response"]["$ref"] for method in methods if "response" in method}


def check_answer(method: str, answer: Any) -> None:
    """Fail when an answer of a method is not what the discovery document says."""
    schema = answer_schemas().get(method)
    if schema is None:
        assert answer in ("", b"")
        return
    problems = [f"{error.json_path}: {error.message}" for error in _validator(schema).iter_errors(answer)]
    assert not problems, f"{method}: {problems}"
