"""Arguments of tools: models that are strict about names and lenient about how hosts spell values, and their schemas.

Hosts send numbers as strings, arrays as JSON text, one string for an array of one; those are taken. A boolean is no
number, an unknown name is refused with the right one, and `null` counts as absent.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, WithJsonSchema

from anymodel_mcp.errors import ArgumentError
from anymodel_mcp.types import Json

A = TypeVar("A", bound="Arguments")


class Arguments(BaseModel):
    """Base of every tool's arguments."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _number(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("must be a number")  # noqa: TRY004 pydantic collects ValueError
    return value


def _items(value: Any) -> Any:
    if isinstance(value, str):
        parsed = _parsed(value, "[")
        return [value] if parsed is None else parsed
    return value


def _object(value: Any) -> Any:
    parsed = _parsed(value, "{") if isinstance(value, str) else None
    return value if parsed is None else parsed


def _objects(value: Any) -> Any:
    if isinstance(value, str):
        parsed = _parsed(value, "[")
        return value if parsed is None else parsed
    return value


def _parsed(text: str, opening: str) -> Any:
    if text.lstrip().startswith(opening):
        try:
            return json.loads(text)
        except ValueError:
            return None
    return None


Number = Annotated[int | float, BeforeValidator(_number), WithJsonSchema({"type": "number"})]
"""A number in the type in which it came: 1 stays 1, since some gateways refuse 1.0 for a whole number."""
Integer = Annotated[int, BeforeValidator(_number)]
Strings = Annotated[list[str], BeforeValidator(_items)]
Object = Annotated[dict[str, Any], BeforeValidator(_object)]
Objects = Annotated[list[dict[str, Any]], BeforeValidator(_objects)]


def parse(model: type[A], given: Mapping[str, Any], ignored: frozenset[str]) -> A:
    """The arguments of a call.

    Args:
        model: the tool's arguments.
        given: what the host sent.
        ignored: names that the host adds of its own.

    Raises:
        ArgumentError: one sentence for everything that is wrong.
    """
    present = {k: v for k, v in given.items() if v is not None and (k in model.model_fields or k not in ignored)}
    try:
        return model.model_validate(present)
    except ValidationError as error:
        names = list(model.model_fields)
        wrong = [_sentence(cast(Json, e), names) for e in error.errors(include_url=False, include_input=False)]
        raise ArgumentError("; ".join(dict.fromkeys(wrong)), param=str(error.errors()[0]["loc"][0])) from None


_EXPECTED = {
    "string_type": "must be a string",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "list_type": "must be an array",
    "dict_type": "must be an object",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
}


def _sentence(error: Json, names: list[str]) -> str:
    place = _place(error["loc"])
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(place, names, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"the arguments are {', '.join(names)}"
        return f"unknown argument {place!r}: {hint}"
    if error["type"] == "missing":
        return f"{place} is missing"
    if error["type"] in _EXPECTED:
        return f"{place} {_EXPECTED[error['type']]}"
    text = str(error["msg"]).removeprefix("Value error, ").removeprefix("Input ")
    return f"{place} {text}"


def _place(loc: tuple[Any, ...]) -> str:
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def schema(model: type[Arguments]) -> Json:
    """The JSON Schema of a tool's arguments in the portable subset: no titles, defaults, unions or references.

    Sources for the subset: hosts drop or refuse `anyOf`, `null`, `$ref` and arrays without `items` (vscode#248810,
    gemini-cli#13326, cursor#3778; seen 2026-11-20).
    """
    made = model.model_json_schema()
    properties = {name: _plain(entry) for name, entry in made["properties"].items()}
    required = made.get("required", [])
    result: Json = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**result, "required": required} if required else result


_KEYWORDS = {"le": "maximum", "gt": "exclusiveMinimum", "lt": "exclusiveMaximum", "multiple_of": "multipleOf"}
"""pydantic writes its own names of bounds where a validator stands before the type.

Least values (0 or 1, as anybody would guess) are checked and not published: a schema is paid for in every listing.
"""


def _plain(entry: Json) -> Json:
    if "anyOf" in entry:
        chosen = next(option for option in entry["anyOf"] if option.get("type") != "null")
        entry = {**chosen, **{k: v for k, v in entry.items() if k != "anyOf"}}
    kept = {
        _KEYWORDS.get(k, k): v for k, v in entry.items() if k not in ("title", "default", "additionalProperties", "ge")
    }
    if "items" in kept:
        kept["items"] = _plain(kept["items"])
    return kept
