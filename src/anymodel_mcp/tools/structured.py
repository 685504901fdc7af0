"""Structured answers: checks the schema before it is sent, and the answer when it arrives."""

from __future__ import annotations

import json
import re

from anymodel_mcp.errors import ArgumentError
from anymodel_mcp.isolate import IsolationError, Limits, run_isolated
from anymodel_mcp.record import record
from anymodel_mcp.tools.bounds import SCHEMA_BOUNDS, check_values
from anymodel_mcp.tools.json_schema import answer_problem, is_light, schema_problem
from anymodel_mcp.types import Json
from anymodel_mcp.wire.decode.json_values import as_object

_LANGUAGE = re.compile(r"[a-zA-Z0-9_-]*[ \t]*\r?")
_MAX_BYTES = 256 * 1024
_SCHEMA_LIMITS = Limits(seconds=20, memory_mb=512)
_ANSWER_LIMITS = Limits(seconds=10, memory_mb=512)


@record
class Checked:
    """The result of checking an answer.

    Attributes:
        problem: what is wrong, as text for the model that corrects it; `None` = nothing.
        warning: why the answer could not be checked.
    """

    problem: str | None = None
    warning: str | None = None


def plain_schema(given: Json) -> Json:
    """The schema itself, without the wrappers of OpenAI's `response_format`."""
    inner = as_object(given.get("json_schema")) if given.get("type") == "json_schema" else given
    schema = as_object(inner.get("schema"))
    return schema if schema and set(inner) <= {"name", "description", "strict", "schema"} else inner


async def check_schema(schema: Json) -> None:
    """Refuses an invalid schema, one with external references, and one that is too large to check.

    Raises:
        ArgumentError: names what is wrong with it.
    """
    check_values("json_schema", schema, SCHEMA_BOUNDS)
    if len(json.dumps(schema, ensure_ascii=False).encode()) > _MAX_BYTES:
        raise ArgumentError("json_schema is larger than 256 kB", param="json_schema", fix="Give a smaller schema.")
    try:
        if is_light(schema):
            wrong = schema_problem(schema)
        else:
            wrong = await run_isolated(schema_problem, schema, limits=_SCHEMA_LIMITS, queue="schemas")
    except IsolationError as error:
        wrong = f"it is too complex to be checked: {error}"
    if wrong is not None:
        raise ArgumentError(
            f"json_schema cannot be used: {wrong}", param="json_schema", fix="Give a JSON Schema of draft 2020-12."
        )


async def check_answer(text: str, schema: Json) -> Checked:
    """Checks an answer against the schema."""
    if is_light(schema, text):
        return Checked(problem=answer_problem(text, schema))
    try:
        problem = await run_isolated(answer_problem, text, schema, limits=_ANSWER_LIMITS, queue="schemas")
    except IsolationError as error:
        return Checked(warning=f"the answer was not checked against json_schema: {error}")
    return Checked(problem=problem)


def bare_json(text: str) -> str:
    """The JSON of an answer, without a code fence around it."""
    inner = text.strip()
    if len(inner) < 6 or not (inner.startswith("```") and inner.endswith("```")):
        return text
    language, line_end, body = inner[3:-3].partition("\n")
    return body.strip() if line_end and _LANGUAGE.fullmatch(language) else text


def correction_turns(text: str, wrong: str) -> list[Json]:
    """The turns that ask for a corrected answer."""
    demand = (
        f"That answer does not satisfy the JSON Schema: {wrong}. Answer again with the corrected JSON and nothing else."
    )
    return [{"role": "assistant", "content": text or "(empty)"}, {"role": "user", "content": demand}]
