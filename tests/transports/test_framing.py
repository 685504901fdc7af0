from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp_types import (
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
)

from anymodel_mcp.transports.framing import (
    LineSplitter,
    Oversized,
    Refusal,
    encode,
    parse_line,
    refuse_oversized,
    replace_surrogates,
)

PING = JSONRPCRequest(jsonrpc="2.0", id=3, method="ping")


def request(text: str) -> JSONRPCRequest:
    return JSONRPCRequest(jsonrpc="2.0", id=3, method="p", params={"a": text})


@given(st.lists(st.binary(max_size=12).map(lambda b: b.replace(b"\n", b"")), max_size=6), st.data())
def test_lines_come_out_whole_however_they_are_cut(lines: list[bytes], data: st.DataObject) -> None:
    wire = b"".join(line + b"\n" for line in lines)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(wire)), max_size=8)))
    splitter = LineSplitter(100)
    got: list[bytes | Oversized] = []
    for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True):
        got += splitter.feed(wire[start:end])
    assert got + splitter.finish() == lines


@pytest.mark.parametrize("piece", [1, 7, 10_000], ids=lambda n: f"in pieces of {n}")
def test_a_line_that_is_too_long_is_skipped_and_the_next_one_comes(piece: int) -> None:
    wire = b'{"id":5,' + b"x" * 9000 + b'"end"}\n{"id":6}\n'
    splitter = LineSplitter(100)
    got = [line for at in range(0, len(wire), piece) for line in splitter.feed(wire[at : at + piece])]
    assert isinstance(got[0], Oversized)
    assert got[0].size == wire.index(b"\n")
    assert got[0].tail.endswith(b'"end"}')
    assert got[1:] == [b'{"id":6}']


def test_an_unfinished_last_line_still_counts() -> None:
    splitter = LineSplitter(10)
    assert splitter.feed(b"abc") == []
    assert splitter.finish() == [b"abc"]
    assert splitter.finish() == []
    splitter.feed(b"y" * 20)
    assert isinstance(splitter.finish()[0], Oversized)


@pytest.mark.parametrize(
    ("start", "end", "known"),
    [
        (b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"a":"', b'"}}', 7),
        (b'{"method":"tools/call","params":{"a":"', b'"},"jsonrpc":"2.0","id":"x-1"}', "x-1"),
        (b'{"method":"tools/call","params":{"a":"', b'"},"id":8,"jsonrpc":"2.0"}\r', 8),
        (b'{"params":{"a":"', b'","id":9}}', None),
        (b'{"params":{"id":9,"a":"', b'"}}', None),
        (b"garbage", b"garbage", None),
    ],
    ids=["id ahead", "id behind", "id before the version", "id of a parameter", "id within", "no JSON"],
)
def test_an_oversized_request_is_refused_under_its_id(start: bytes, end: bytes, known: object) -> None:
    splitter = LineSplitter(100)
    line = splitter.feed(start + b"x" * 9000 + end + b"\n")[0]
    assert isinstance(line, Oversized)
    refusal = refuse_oversized(line, 100)
    assert refusal.id == known
    assert refusal.code == -32600
    assert "limits.max_line_bytes" in refusal.message


@pytest.mark.parametrize(
    ("line", "code", "known"),
    [
        (b"{nonsense", -32700, None),
        (b'{"jsonrpc":"2.0","id":1,"method":"p","params":{"a":' + b"9" * 5000 + b"}}", -32700, None),
        (b'{"a":' * 100_000, -32700, None),
        (b'{"jsonrpc":"2.0","id":1,"method":"a\x00b"}', -32700, None),
        (b"[]", -32600, None),
        (b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', -32600, None),
        (b'"text"', -32600, None),
        (b"null", -32600, None),
        (b"{}", -32600, None),
        (b'{"jsonrpc":"2.0","id":null,"method":"tools/list"}', -32600, None),
        (b'{"jsonrpc":"2.0","id":true,"method":"ping"}', -32600, None),
        (b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', -32600, None),
        (b'{"jsonrpc":"2.0","id":{},"method":"notifications/x"}', -32600, None),
        (b'{"jsonrpc":"1.0","id":4,"method":"ping"}', -32600, 4),
        (b'{"id":"q","method":"ping"}', -32600, "q"),
        (b'{"jsonrpc":"2.0","id":4,"method":"ping","params":[1]}', -32600, 4),
        (b'{"jsonrpc":"2.0","id":4,"method":5}', -32600, 4),
        (b'{"jsonrpc":"2.0","id":4}', -32600, 4),
    ],
    ids=lambda value: str(value)[:60] if isinstance(value, bytes) else "",
)
def test_what_is_no_message_is_refused(line: bytes, code: int, known: object) -> None:
    refusal = parse_line(line)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.id) == (code, known)
    wire = json.loads(encode(refusal.as_error()))
    assert wire["id"] == known
    assert wire["error"]["code"] == code


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"jsonrpc":"2.0","id":3,"method":"ping"}', PING),
        (b'{"jsonrpc":"2.0","id":3,"method":"ping"}\r', PING),
        (b'\xef\xbb\xbf{"jsonrpc":"2.0","id":3,"method":"ping"}', PING),
        (b'{"jsonrpc":"2.0","id":3,"method":"p","params":{"a":"\\u0000"}}', request("\x00")),
        (b'{"jsonrpc":"2.0","id":3,"method":"p","params":{"a":"x\\ud800y"}}', request("x\ufffdy")),
        (b'{"jsonrpc":"2.0","id":3,"method":"p","params":{"a":"x\xed\xa0\x80y"}}', request("x\ufffdy")),
        (b'{"jsonrpc":"2.0","id":3,"method":"p","params":{"a":"\xed\xa0\xbd\xed\xb8\x80"}}', request("\U0001f600")),
        (b'{"jsonrpc":"2.0","id":3,"method":"p","params":{"a":"x\xff"}}', request("x\ufffd")),
        (
            b'{"jsonrpc":"2.0","method":"notifications/initialized","id":null}',
            JSONRPCNotification(jsonrpc="2.0", method="notifications/initialized"),
        ),
        (
            b'{"jsonrpc":"2.0","method":"notifications/x","params":{"id":1}}',
            JSONRPCNotification(jsonrpc="2.0", method="notifications/x", params={"id": 1}),
        ),
        (b'{"jsonrpc":"2.0","id":3,"result":{}}', JSONRPCResponse(jsonrpc="2.0", id=3, result={})),
        (
            b'{"jsonrpc":"2.0","id":"x","error":{"code":1,"message":"\\udfff"}}',
            JSONRPCError(jsonrpc="2.0", id="x", error=ErrorData(code=1, message="\ufffd")),
        ),
    ],
    ids=[
        "request",
        "carriage return",
        "byte order mark",
        "NUL",
        "escaped lone surrogate",
        "raw lone surrogate",
        "raw pair",
        "invalid UTF-8",
        "notification with a null id",
        "notification with an id inside",
        "answer",
        "spoilt answer",
    ],
)
def test_a_message_is_read_and_its_surrogates_replaced(line: bytes, message: JSONRPCMessage) -> None:
    assert parse_line(line) == message


@pytest.mark.parametrize(
    "line",
    [b"", b"  \r", b"\xef\xbb\xbf", b'{"jsonrpc":"2.0","id":3,"result":5}', b'{"result":{}}'],
    ids=["empty", "blank", "byte order mark alone", "answer of a wrong kind", "answer to nothing"],
)
def test_what_needs_no_answer_gets_none(line: bytes) -> None:
    assert parse_line(line) is None


def test_lone_surrogates_leave_as_replacement_characters() -> None:
    message = JSONRPCResponse(jsonrpc="2.0", id=1, result={"\ud800": ["a\ud83d\ude00b\udc00", 1.5, None, float("nan")]})
    line = encode(message)
    assert line.endswith(b"\n")
    assert json.loads(line)["result"] == {"\ufffd": ["a\U0001f600b\ufffd", 1.5, None, None]}


@given(st.text(alphabet=st.characters(exclude_categories=[])))
def test_any_text_survives_as_utf8_on_one_line(text: str) -> None:
    line = encode(JSONRPCResponse(jsonrpc="2.0", id=1, result={"t": text}))
    assert line.count(b"\n") == 1
    assert json.loads(line)["result"]["t"] == replace_surrogates(text)


@given(st.text())
def test_sound_text_is_never_changed(text: str) -> None:
    assert replace_surrogates({"k": [text]}) == {"k": [text]}


@given(st.binary(max_size=200))
def test_no_bytes_upset_the_reader(line: bytes) -> None:
    parse_line(line)
