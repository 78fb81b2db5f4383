"""The form of a layout as JSON Schema, for editors that complete, explain and check while one types.

It is made from the models of `schema`, the products of the catalogue and the comments of the reference
layout, so it has nothing of its own to fall behind. What only a calculation can find (units made of several
words, feeds that lead nowhere, racks in the same place) stays with `load_layout`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import reduce
from importlib.resources import files
from operator import getitem
from typing import Any

from twin.catalogue import products
from twin.consistency import PRODUCTS
from twin.document import Path, read
from twin.layout import DEFAULT, builtin_layouts
from twin.racks import RACKS_FILE, columns
from twin.schema import Entry, Head, Model, Unit
from twin.units import text

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]


def layout_schema() -> Schema:
    """The JSON Schema (draft 2020-12) of a layout file: one unit, or a site of `blocks`.

    >>> layout_schema()["properties"]["hall"]
    {'$ref': '#/$defs/Unit/properties/hall'}
    """
    head, unit, entry = (_form(model) for model in (Head, Unit, Entry))
    for pattern, kinds in PRODUCTS.items():
        names = [name for kind in kinds for name in products(kind)]
        for form in (*_places(head, pattern), *_places(unit, pattern)):
            _name(form, names)
    _explain(head, unit)
    _offer_file(unit)
    entry["properties"]["unit"] = {"$ref": "#/$defs/Unit"}
    entry["properties"]["use"]["examples"] = builtin_layouts()
    entry["oneOf"] = [{"required": ["use"]}, {"required": ["unit"]}]
    blocks = {"description": "The units of a site.", "type": "array", "minItems": 1, "items": entry}
    own = {key: {"$ref": f"#/$defs/Unit/properties/{key}"} for key in unit["properties"]}
    alone = {key: unit[key] for key in ("required", "anyOf") if key in unit}
    return {
        "$schema": DIALECT,
        "title": "Layout of an AI factory",
        "description": "One unit (hall, rows, plant, power), or a site of 'blocks'.",
        "type": "object",
        "properties": {**head["properties"], **own, "blocks": blocks},
        "required": head["required"],
        "additionalProperties": False,
        "if": {"required": ["blocks"]},
        "then": {"properties": {key: False for key in own}},
        "else": {**alone, "properties": {"shared": False}},
        "$defs": {"Unit": unit},
    }


def _form(model: type[Model]) -> Schema:
    """The JSON Schema of a model without references and titles: each place has its own, to be refined."""
    whole = model.model_json_schema()
    found: Schema = _plain(whole, whole.get("$defs", {}))
    return found


def _plain(node: Any, shared: Schema) -> Any:
    """A part of a schema with its references written out and defaults as a file writes them."""
    if isinstance(node, list):
        return [_plain(item, shared) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        target = shared[node["$ref"].rpartition("/")[2]]
        node = {**target, **{key: value for key, value in node.items() if key != "$ref"}}
    found: Schema = {
        key: {name: _plain(form, shared) for name, form in value.items()}
        if key == "properties"
        else _plain(value, shared)
        for key, value in node.items()
        if key != "$defs" and not (key == "title" and isinstance(value, str))
    }
    found = _nullable(found)
    if "default" in found and found["default"] in (None, "", []):
        del found["default"]
    elif "default" in found and "unit" in found and found["type"] == "string":
        found["default"] = text(found["default"], found["unit"])
    items = found.get("prefixItems")
    if items and all(item == items[0] for item in items):
        found["items"] = items[0]  # editors of older drafts know this form alone
        del found["prefixItems"]
    return found


def _nullable(form: Schema) -> Schema:
    """A form or nothing as one form of two types, so that an editor points into a part and not at the whole."""
    one, *others = form.get("anyOf", [{}])
    if others != [{"type": "null"}] or "type" not in one:
        return form
    outer = {key: value for key, value in form.items() if key != "anyOf"}
    return {
        **one,
        **outer,
        "type": [one["type"], "null"],
        **({"enum": [*one["enum"], None]} if "enum" in one else {}),
    }


def _options(form: Schema) -> list[Schema]:
    """The forms a value may have: one, or those of a key that may be left empty."""
    found: list[Schema] = form.get("anyOf", [form])
    return [inner for one in found for inner in (_options(one) if "anyOf" in one else [one])]


def _places(form: Schema, pattern: Path) -> Iterator[Schema]:
    """The forms at a path of a layout; `*` stands for the items of a list."""
    if not pattern:
        yield form
        return
    for option in _options(form):
        inner = option.get("items") if pattern[0] == "*" else option.get("properties", {}).get(pattern[0])
        if inner:
            yield from _places(inner, pattern[1:])


def _name(form: Schema, names: list[str]) -> None:
    """Let a form take these names only."""
    for option in _options(form):
        if "string" in option["type"]:
            option.pop("pattern", None)
            option["enum"] = [*names, None] if "null" in option["type"] else names


def _offer_file(unit: Schema) -> None:
    """Let a unit name a CSV file of its rows, in the place of `rows` or beside them."""
    unit["properties"][RACKS_FILE] = {
        "description": "CSV file beside this layout with one row of racks a line; its columns are the keys of a "
        f"row, the unit in the header: {', '.join(columns())}",
        "type": "string",
        "pattern": r"^(?!/)(?!(?:.*/)?\.\.(?:/|$)).+$",
        "patternErrorMessage": "Expected the name of a file in the folder of this layout.",
        "examples": ["racks.csv"],
    }
    unit["required"] = [key for key in unit["required"] if key != "rows"]
    unit["anyOf"] = [{"required": ["rows"]}, {"required": [RACKS_FILE]}]


def _explain(head: Schema, unit: Schema) -> None:
    """Give each key the comment and the value that the reference layout has for it."""
    content = files("twin").joinpath("layouts", f"{DEFAULT}.yaml").read_text("utf-8")
    reference, lines = read(content, DEFAULT), content.splitlines()
    told: set[int] = set()
    for path, (line, _) in reference.keys.items():
        pattern: Path = tuple("*" if isinstance(step, int) else step for step in path)
        comment = re.search(r"\s#\s+(.*)$", lines[line - 1]) if line not in told else None
        told.add(line)  # a comment explains the first key of its line
        value = reduce(getitem, path, reference.value)
        for form in (*_places(head, pattern), *_places(unit, pattern)):
            if comment and comment[1] not in form.get("description", ""):
                form["description"] = "; ".join(filter(None, (form.get("description"), comment[1])))
            if isinstance(value, (str, int, float)) and "examples" not in form:
                form["examples"] = [value]
