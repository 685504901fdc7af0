"""Arguments of tools: models that are strict about names and lenient about how hosts spell values, and their schemas.

Hosts send numbers as strings, arrays as JSON text, one string for an array of one; those are taken. A boolean is no
number, an unknown name is refused with the right one, and `null` counts as absent.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from anymodel_mcp.errors import SHOWN_CHARS, ArgumentError, excerpt
from anymodel_mcp.tools.argument_help import meant_instead
from anymodel_mcp.tools.bounds import DEFAULT_BOUNDS, check_values
from anymodel_mcp.tools.references import MAX_REFERENCE_CHARS, as_reference, as_references
from anymodel_mcp.types import MAX_CHOICES, Json
from anymodel_mcp.wire.decode.json_values import as_list, as_object

A = TypeVar("A", bound="Arguments")
_MOST_SENTENCES = 5


class Arguments(BaseModel):
    """Base of every tool's arguments."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _number(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("must be a number")  # noqa: TRY004 pydantic collects ValueError
    return value


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("must be a number, not NaN or infinite")
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
    """Parses JSON text that begins with this bracket; `None` = it is not JSON."""
    if not text.lstrip().startswith(opening):
        return None
    if text.count(",") + text.count("[") + text.count("{") > DEFAULT_BOUNDS.values:
        raise ValueError(f"holds more than {DEFAULT_BOUNDS.values} values")
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nests too deeply") from None
    except ValueError:
        return None


def chars(most: int) -> AfterValidator:
    """A validator: at most `limit` characters."""

    def check(text: str) -> str:
        if len(text) > most:
            raise ValueError(f"is longer than {most} characters")
        return text

    return AfterValidator(check)


def each(most: int) -> AfterValidator:
    """A validator: at most `limit` characters in each entry."""

    def check(texts: list[str]) -> list[str]:
        for index, text in enumerate(texts):
            if len(text) > most:
                raise ValueError(f"holds an entry of more than {most} characters (number {index})")
        return texts

    return AfterValidator(check)


def entries(most: int) -> BeforeValidator:
    """A validator: at most `limit` entries, counted before any is validated."""

    def check(value: Any) -> Any:
        found = len(as_list(value))
        if found > most:
            raise ValueError(f"holds {found} entries; at most {most} are taken")
        return value

    return BeforeValidator(check)


def _as_it_came(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    """Returns a valid number; an integer stays an integer."""
    number = check(value)
    return value if type(value) is int else number


def _few_choices(options: dict[str, Any]) -> dict[str, Any]:
    """Refuses more choices than are read: they would be paid for and lost."""
    of_gemini = as_object(options.get("generationConfig")).get("candidateCount")
    for name, wanted in (("n", options.get("n")), ("generationConfig.candidateCount", of_gemini)):
        if isinstance(wanted, int) and wanted > MAX_CHOICES:
            raise ValueError(f"asks for {wanted} choices ({name}); at most {MAX_CHOICES} are read")
    return options


Number = Annotated[float, WrapValidator(_as_it_came), BeforeValidator(_number), AfterValidator(_finite)]
"""A number that keeps its type: 1 stays 1, because some gateways refuse 1.0 for an integer."""
Integer = Annotated[int, BeforeValidator(_number)]
Object = Annotated[dict[str, Any], BeforeValidator(_object)]
ChoiceOptions = Annotated[Object, AfterValidator(_few_choices)]
"""Options of a call whose answer may hold several choices."""

# of several validators before, the last one listed runs first
Name = Annotated[str, chars(500)]
"""A name: a model, a provider, an id, an option of the provider."""
Text = Annotated[str, chars(10_000_000)]
"""A text for the model."""
Query = Annotated[str, chars(1000)]
Names = Annotated[list[str], entries(16), BeforeValidator(_items), each(500)]
Stops = Annotated[list[str], entries(64), BeforeValidator(_items), each(1000)]
Texts = Annotated[list[str], entries(20_000), BeforeValidator(_items), each(10_000_000)]
Pictures = Annotated[
    list[str], BeforeValidator(as_references), entries(20), BeforeValidator(_items), each(MAX_REFERENCE_CHARS)
]
"""References; pictures in other forms are converted to data URLs."""
Files = Annotated[
    list[str], BeforeValidator(as_references), entries(50), BeforeValidator(_items), each(MAX_REFERENCE_CHARS)
]
Picture = Annotated[str, BeforeValidator(as_reference), chars(MAX_REFERENCE_CHARS)]
Messages = Annotated[list[dict[str, Any]], entries(10_000), BeforeValidator(_objects)]
Definitions = Annotated[list[dict[str, Any]], entries(512), BeforeValidator(_objects)]


def parse(model: type[A], given: Mapping[str, Any], ignored: frozenset[str]) -> A:
    """The arguments of a call.

    Args:
        model: the tool's arguments.
        given: what the host sent.
        ignored: names of arguments that the host adds.

    Raises:
        ArgumentError: one sentence for everything that is wrong.
    """
    present = {k: v for k, v in given.items() if v is not None and (k in model.model_fields or k not in ignored)}
    try:
        parsed = model.model_validate(present)
    except ValidationError as error:
        raise _refusal(error, list(model.model_fields)) from None
    for name in model.model_fields:
        check_values(name, getattr(parsed, name), DEFAULT_BOUNDS)
    return parsed


def _refusal(error: ValidationError, names: list[str]) -> ArgumentError:
    found = error.errors(include_url=False, include_input=False, include_context=False)
    wrong = list(dict.fromkeys(_sentence(cast(Json, e), names) for e in found[:_MOST_SENTENCES]))
    if len(found) > _MOST_SENTENCES:
        wrong.append(f"and {len(found) - _MOST_SENTENCES} more")
    return ArgumentError("; ".join(wrong), param=excerpt(str(found[0]["loc"][0])))


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
    "int_parsing_size": "must be a whole number of fewer digits",
    "finite_number": "must be a number, not NaN or infinite",
    "string_unicode": "holds half of a surrogate pair, which is no character",
}


def _sentence(error: Json, names: list[str]) -> str:
    place = _place(error["loc"])
    if error["type"] == "extra_forbidden":
        return f"unknown argument {excerpt(place)!r}: {meant_instead(place[:SHOWN_CHARS], names)}"
    if error["type"] == "missing":
        return f"{place} is missing"
    if error["loc"][-1] in ("int", "float"):  # one of the two types of `Number`
        return f"{_place(error['loc'][:-1])} must be a number"
    if error["type"] in _EXPECTED:
        return f"{place} {_EXPECTED[error['type']]}"
    text = str(error["msg"]).removeprefix("Value error, ").removeprefix("Input ")
    return f"{place} {text}"


def _place(loc: tuple[Any, ...]) -> str:
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return excerpt(text)


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
