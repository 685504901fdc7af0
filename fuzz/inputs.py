"""Feeds swollen texts and bytes to every sniffer, scanner, validator and reader, under a limit of processor time.

    python fuzz/inputs.py [--count 20000] [--seed 1] [--limit 2]

An input is a few fragments repeated many times: what is linear stays far below the limit, what backtracks or copies
does not. Prints each find with its input; ends with status 1 if there is any.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import signal
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from anymodel_mcp.errors import AnyModelError
from anymodel_mcp.media.encodings import read_text
from anymodel_mcp.media.images import measure
from anymodel_mcp.media.sniff import decode_text, parse_data_url, sniff
from anymodel_mcp.redact import Redactor, clean_text, shorten
from anymodel_mcp.tools.arguments import parse
from anymodel_mcp.tools.chat import ChatArguments
from anymodel_mcp.tools.json_schema import answer_problem, is_light, schema_problem
from anymodel_mcp.tools.structured import bare_json
from anymodel_mcp.upstream.routing import closest
from anymodel_mcp.wire.content.parts import linked_pictures, take_embedded
from anymodel_mcp.wire.content.sniff import sniff_picture
from anymodel_mcp.wire.decode.extent import ExcessError, check_extent
from anymodel_mcp.wire.decode.json_values import as_object
from anymodel_mcp.wire.exchange import ResponseHead
from anymodel_mcp.wire.failures.provider_error import html_title, read_failure
from fuzz.streams import SEEDS, makers, outcome

LIMIT_S = 2.0
MARKUP = (
    "<!---->",
    "<?xml ?>",
    "<!DOCTYPE svg>",
    "<svg ",
    "<h1>",
    "</h1>",
    "<title",
    "<",
    ">",
    "![",
    "](",
    "![a](",
    "```",
)
DATA = ("data:image/png;base64,", ";a=b", "%41", "%", "iVBORw0KGgo", "/9j/", "<think>", "</think>", "</thi")
JSON = ('"', '\\"', "\\", "{", "[", "]", "}", ",", ":", "{}", "[]", '{"a":', " ", "\n", "\r\n", "\t", "\0", "\ufeff")
WORDS = (
    "a",
    "a_",
    "a-",
    "exceed",
    "enable_thinking",
    "request id",
    "try again in 1 ",
    "eyJaaaaaaaaaa-",
    "sk-",
    "://",
    "the ",
)
BYTES = ("\x1b[", "\x1b]", "II*\0", "\x89PNG\r\n\x1a\n", "RIFF", "ftypavif", "ispe\0\0\0\0", "BM", "\xff\xd8\xff")
FRAGMENTS = (*SEEDS, *MARKUP, *DATA, *JSON, *WORDS, *BYTES, "\u202f", "\u0301", "é", "語")
SCHEMA_PARTS = ("type", "properties", "items", "allOf", "anyOf", "$ref", "$defs", "$id", "$anchor", "$dynamicRef", "a")
SCHEMA_VALUES: tuple[Any, ...] = (
    "string",
    "#",
    "#/$defs/a",
    "#a",
    "http://127.0.0.1:9/x",
    True,
    False,
    5,
    None,
    [],
    {},
    "(a+)+$",
)


class TooLongError(Exception):
    """An input took more processor time than the limit."""


@contextmanager
def cpu_limit(seconds: float) -> Generator[None]:
    """Raises `TooLongError` inside the block after so much processor time; the engine of `re` heeds it too."""

    def stop(_number: int, _frame: object) -> None:
        raise TooLongError

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def swollen(rng: random.Random, most: int = 60_000) -> str:
    """A few fragments, each repeated, up to about `most` characters in all."""
    pieces: list[str] = []
    for _ in range(rng.choice((1, 1, 2, 3, 5))):
        unit = "".join(rng.choice(FRAGMENTS) for _ in range(rng.choice((1, 1, 2, 3))))
        pieces.append(unit * rng.choice((1, 3, most // 4 // len(unit) or 1, most // len(unit) or 1)))
    return "".join(pieces)[: 2 * most]


def schema(rng: random.Random, depth: int = 0) -> Any:
    """A small JSON Schema, most often a wrong one."""
    if depth > 3 or rng.random() < 0.3:
        return rng.choice(SCHEMA_VALUES)
    if rng.random() < 0.2:
        return [schema(rng, depth + 1) for _ in range(rng.randrange(3))]
    return {rng.choice(SCHEMA_PARTS): schema(rng, depth + 1) for _ in range(rng.randrange(1, 4))}


def _schema_checks(text: str) -> None:
    rng = random.Random(text)
    made = as_object(schema(rng))
    if made:
        is_light(made, text)
        if schema_problem(made) is None:
            answer_problem(json.dumps(schema(rng)), made)


def _readers(text: str) -> None:
    head = ResponseHead(status=200, headers={"content-type": "text/event-stream"})
    body = text.encode("utf-8", "surrogatepass")
    for make in makers(head, 5_000_000).values():
        outcome(make(), [body], None)


def _refusals(text: str) -> None:
    body = json.dumps({"error": {"message": text}}).encode()
    for content in (body, text.encode("utf-8", "surrogatepass")):
        head = ResponseHead(status=400, headers={"content-type": "text/html"})
        read_failure(head, content, endpoint="chat", model="m", base_url="https://x.example")


def _bytes(text: str) -> bytes:
    return text.encode("latin-1", "replace")


TARGETS: dict[str, Callable[[str], object]] = {
    "sniff_picture": lambda text: sniff_picture(_bytes(text)),
    "sniff": lambda text: sniff(_bytes(text)),
    "measure": lambda text: measure(_bytes(text)),
    "decode_text": lambda text: decode_text(_bytes(text)),
    "read_text": lambda text: read_text(_bytes(text)),
    "parse_data_url": lambda text: parse_data_url("data:" + text),
    "arguments": lambda text: parse(ChatArguments, {"prompt": text, "images": [text], "options": text}, frozenset()),
    "schemas": _schema_checks,
    "bare_json": bare_json,
    "take_embedded": take_embedded,
    "linked_pictures": linked_pictures,
    "check_extent": check_extent,
    "html_title": html_title,
    "clean_text": clean_text,
    "shorten": lambda text: shorten(text, len(text) // 2),
    "redact": Redactor(["sk-secret-0123456789"]).clean,
    "closest": lambda text: closest(text, ["openai/gpt-5.2", text[:2000], "deepseek/deepseek-chat"]),
    "refusals": _refusals,
    "readers": _readers,
}


def check(name: str, text: str, limit_s: float = LIMIT_S) -> str:
    """What is wrong with how a target takes a text; "" = nothing."""
    try:
        with cpu_limit(limit_s), contextlib.suppress(AnyModelError, ExcessError):
            TARGETS[name](text)
    except TooLongError:
        return f"{name}: more than {limit_s:g} s of processor time"
    except Exception as error:  # any other exception is a find
        return f"{name}: {type(error).__name__}: {error}"
    return ""


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit", type=float, default=LIMIT_S)
    options = parser.parse_args()
    found = done = 0
    started = time.perf_counter()
    names = list(TARGETS)
    for number in range(options.count):
        done += 1
        rng = random.Random(f"{options.seed}-{number}")
        text = swollen(rng)
        problem = check(names[number % len(names)], text, options.limit)
        if problem:
            found += 1
            print(
                f"input {options.seed}-{number}: {problem}\n  {len(text)} characters: {text[:90]!r} ... {text[-90:]!r}"
            )
        if found > 20:
            break
    print(f"{done} inputs in {time.perf_counter() - started:.0f} s, {found} finds")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
