"""Validates the JSON Schemas of callers, and answers against them; problems are returned as text.

Validation reads nothing but the schema: the registry is empty, and a reference that leaves the document is refused. A
schema that applies itself to the same value for ever is refused as well. Whatever can take long (`pattern`, nested
combinations) is for a child process: `is_light` tells which schemas need none. Functions here are plain and picklable.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from anymodel_mcp.redact import shorten
from anymodel_mcp.types import Json
from anymodel_mcp.wire.decode.json_values import as_list, as_object

ENDLESS = "it refers to itself endlessly"
_LIGHT_SCHEMA = 400
"""The most values in a schema, references expanded; takes some 0.1 s to check."""
_LIGHT_WORK = 50_000
"""The most values of a schema times values of an answer."""
_HEAVY = frozenset(
    {
        "pattern",
        "patternProperties",
        "uniqueItems",
        "unevaluatedProperties",
        "unevaluatedItems",
        "contains",
        "propertyNames",
        "$dynamicRef",
        "$recursiveRef",
        "$id",
        "$anchor",
        "$dynamicAnchor",
    }
)
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
# applied to the same value: a circle of these alone never ends (`extends`: older drafts)
_SAME_VALUE_SINGLE = ("not", "if", "then", "else", "extends")
_SAME_VALUE_LISTS = ("allOf", "anyOf", "oneOf")
_SAME_VALUE_MAPS = ("dependentSchemas", "dependencies")
_PART_SINGLE = (
    "items",
    "additionalItems",
    "additionalProperties",
    "contains",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
    "contentSchema",
)
_PART_LISTS = ("prefixItems", "items")
_PART_MAPS = ("properties", "patternProperties", "$defs", "definitions")
_DATA = frozenset({"const", "enum", "default", "examples"})
_SHOWN = 60


def is_light(schema: Json, answer: str = "") -> bool:
    """Whether a schema, or an answer against it, can be checked quickly: no backtracking keyword, few values."""
    values = answer.count(",") + answer.count("[") + answer.count("{") + 1
    room = min(_LIGHT_SCHEMA, _LIGHT_WORK // values)
    stack: list[Any] = [schema]
    while stack:
        node = stack.pop()
        room -= 1
        if room < 0:
            return False
        if isinstance(node, list):
            stack += as_list(node)
        elif isinstance(node, dict):
            entries = as_object(node)
            if not _HEAVY.isdisjoint(entries):
                return False
            stack += entries.values()
            if isinstance(entries.get("$ref"), str):
                target = _simple_target(schema, entries["$ref"])
                if target is None:
                    return False
                stack.append(target)
    return True


def _simple_target(root: Json, reference: str) -> Any:
    """What `#/$defs/name` points to; `None` for any other form of reference."""
    start, _, path = reference.partition("/")
    node: Any = root
    for name in path.split("/"):
        node = as_object(node).get(name)
    return node if start == "#" and path else None


def schema_problem(schema: Json) -> str | None:
    """Why a schema cannot be used; `None` = it can."""
    schema = _one_dialect(schema)
    try:
        return _outside(schema) or _invalid(schema) or _graph_problem(schema)
    except RecursionError:
        return ENDLESS


def _one_dialect(schema: Any) -> Any:
    """A copy without `$schema`, which would switch the validator's dialect, even inside a schema."""
    if isinstance(schema, list):
        return [_one_dialect(part) for part in as_list(schema)]
    if not isinstance(schema, dict):
        return schema
    return {
        name: part if name in _DATA else _one_dialect(part)
        for name, part in as_object(schema).items()
        if name != "$schema" or not isinstance(part, str)
    }


def _outside(schema: Json) -> str | None:
    """The problem of a reference to another document."""
    for node in _objects(schema):
        for keyword in _REFERENCES:
            reference = node.get(keyword)
            if isinstance(reference, str) and not reference.startswith("#"):
                return (
                    f"{keyword} {shorten(reference, _SHOWN)!r} refers to another document, and none is read; "
                    "move its target to $defs"
                )
    return None


def _objects(schema: Any) -> Iterator[Json]:
    """All objects of a schema, except inside `const` and `enum`, which hold data."""
    stack: list[Any] = [schema]
    while stack:
        node = stack.pop()
        if isinstance(node, list):
            stack += as_list(node)
        elif isinstance(node, dict):
            entries = as_object(node)
            yield entries
            stack += [v for k, v in entries.items() if k not in _DATA]


def _invalid(schema: Any) -> str | None:
    from jsonschema import Draft202012Validator, SchemaError  # takes 60 ms, so only structured calls import it

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        said = error.message.removeprefix(repr(error.instance))
        culprit = "" if said == error.message else shorten(repr(error.instance), _SHOWN)
        place = shorten(error.json_path, _SHOWN)
        return f"it is not a valid JSON Schema: at {place}: {culprit}{shorten(said, 2 * _SHOWN)}"
    return None


def _graph_problem(schema: Json) -> str | None:
    """The problem of a reference without a target, or of a cycle of schemas that apply to the same value."""
    from referencing import Registry
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012

    root = DRAFT202012.create_resource(schema)
    registry: Registry[Any] = Registry()
    try:
        registry = registry.with_resource(root.id() or "", root).crawl()
        return _Walk().run(schema, registry.resolver(root.id() or ""))
    except Unresolvable as error:
        return f"it refers to {shorten(error.ref, _SHOWN)!r}, which it does not contain"
    except ValueError as error:  # an $id that is no URI
        return shorten(str(error), _SHOWN)


class _Walk:
    """Visits every reachable schema once."""

    def __init__(self) -> None:
        self._same_value: dict[int, list[int]] = {}
        self._pending: list[tuple[Json, Any]] = []
        self._anchored: dict[str, list[int]] = {}
        self._dynamic: list[tuple[int, str]] = []
        self._checked: set[int] = set()

    def run(self, schema: Json, resolver: Any) -> str | None:
        self._checked = _schemas_within(schema)
        self._push(schema, resolver)
        while self._pending:
            problem = self._visit(*self._pending.pop())
            if problem:
                return problem
        for node, name in self._dynamic:
            self._same_value[node] += self._anchored.get(name, ())
        return ENDLESS if _has_circle(self._same_value) else None

    def _push(self, schema: Any, resolver: Any) -> int | None:
        """Adds a schema to visit; returns its key."""
        if not isinstance(schema, dict):
            return None
        if id(schema) not in self._same_value:  # pyright: ignore[reportUnknownArgumentType] a JSON object
            node = as_object(schema)
            self._same_value[id(node)] = []
            self._pending.append((node, resolver))
        return id(schema)  # pyright: ignore[reportUnknownArgumentType] a JSON object

    def _visit(self, node: Json, resolver: Any) -> str | None:
        from referencing.jsonschema import DRAFT202012

        if isinstance(node.get("$id"), str):
            resolver = resolver.in_subresource(DRAFT202012.create_resource(node))
        anchor = node.get("$dynamicAnchor")
        if isinstance(anchor, str):
            self._anchored.setdefault(anchor, []).append(id(node))
        for part in _parts(node):
            self._push(part, resolver)
        edges = self._same_value[id(node)]
        edges += [key for child in _same_value(node) if (key := self._push(child, resolver)) is not None]
        for keyword in _REFERENCES:
            if isinstance(node.get(keyword), str):
                problem = self._follow(node, keyword, resolver)
                if problem:
                    return problem
        return None

    def _follow(self, node: Json, keyword: str, resolver: Any) -> str | None:
        found = resolver.lookup(node[keyword])
        target = self._push(found.contents, found.resolver)
        if keyword == "$dynamicRef":
            self._dynamic.append((id(node), node[keyword].removeprefix("#")))
        if target is not None:
            self._same_value[id(node)].append(target)
        if isinstance(found.contents, bool):
            return None
        if target is None:
            return f"it refers to {shorten(node[keyword], _SHOWN)!r}, which is not a schema"
        if target in self._checked:
            return None
        self._checked |= _schemas_within(found.contents)  # under an unknown keyword, so not checked with the rest
        return _invalid(found.contents)


def _schemas_within(schema: Json) -> set[int]:
    """The keys of a schema and of all its subschemas under known keywords."""
    found: set[int] = set()
    stack: list[Any] = [schema]
    while stack:
        node = stack.pop()
        if isinstance(node, dict) and id(node) not in found:  # pyright: ignore[reportUnknownArgumentType] a JSON object
            entries = as_object(node)
            found.add(id(entries))
            stack += [*_parts(entries), *_same_value(entries)]
    return found


def _same_value(node: Json) -> Iterator[Any]:
    for name in _SAME_VALUE_SINGLE:
        yield node.get(name)
    for name in _SAME_VALUE_LISTS:
        yield from as_list(node.get(name))
    for name in _SAME_VALUE_MAPS:
        yield from as_object(node.get(name)).values()


def _parts(node: Json) -> Iterator[Any]:
    for name in _PART_SINGLE:
        yield node.get(name)
    for name in _PART_LISTS:
        yield from as_list(node.get(name))
    for name in _PART_MAPS:
        yield from as_object(node.get(name)).values()


def _has_circle(edges: dict[int, list[int]]) -> bool:
    """Whether a directed graph has a cycle: nodes without incoming edges are removed until none is left."""
    incoming = dict.fromkeys(edges, 0)
    for targets in edges.values():
        for target in targets:
            incoming[target] += 1
    free = [node for node, count in incoming.items() if not count]
    removed = 0
    while free:
        removed += 1
        for target in edges[free.pop()]:
            incoming[target] -= 1
            if not incoming[target]:
                free.append(target)
    return removed < len(edges)


def answer_problem(text: str, schema: Json) -> str | None:
    """What is wrong with an answer, as text for the model that corrects it; `None` = it satisfies the schema."""
    from jsonschema import Draft202012Validator
    from referencing import Registry

    try:
        value: Any = json.loads(text)
    except ValueError as error:
        return f"it is not JSON: {error}"
    except RecursionError:
        return "it nests too deeply"
    validator = Draft202012Validator(_one_dialect(schema), registry=Registry())
    try:
        errors = list(islice(validator.iter_errors(value), 5))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType] its second form is untyped
    except RecursionError:
        return "it nests too deeply"
    except ArithmeticError:  # `multipleOf` with huge numbers
        return "it holds a number that is too large"
    return "; ".join(f"at {e.json_path}: {shorten(e.message, 300)}" for e in errors) or None
