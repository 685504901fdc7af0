"""The upstream of the other tests does to a caller what it says."""

from __future__ import annotations

import socket

import anyio
import httpx2
import pytest

from tests.raw_upstream import Line, Reply, Seen, open_upstream, play, serve
from tests.waiting import HANG_S


async def _read(url: str) -> tuple[list[bytes], httpx2.TransportError | None]:
    pieces: list[bytes] = []
    try:
        async with (
            httpx2.AsyncClient(trust_env=False, timeout=HANG_S) as client,
            client.stream("POST", url) as response,
        ):
            async for piece in response.aiter_raw():
                pieces.append(piece)  # noqa: PERF401 - what came before an error counts
    except httpx2.TransportError as exc:
        return pieces, exc
    return pieces, None


@pytest.mark.parametrize("framing", ["length", "close", "chunked"])
async def test_each_frame_arrives_by_itself_and_the_body_ends_clean(framing: str) -> None:
    reply = Reply(frames=[b"a", b"bc", b"d"], framing=framing, end="close")  # type: ignore[arg-type]
    async with open_upstream(serve([reply])) as upstream:
        pieces, error = await _read(upstream.origin)
    assert (b"".join(pieces), len(pieces), error) == (b"abcd", 3, None)


@pytest.mark.parametrize("framing", ["close", "chunked"])
async def test_a_reset_is_an_error_after_every_byte_has_arrived(framing: str) -> None:
    reply = Reply(frames=[b"half"], framing=framing, end="reset")  # type: ignore[arg-type]
    async with open_upstream(serve([reply])) as upstream:
        pieces, error = await _read(upstream.origin)
    assert pieces == [b"half"]
    assert isinstance(error, httpx2.ReadError)


async def test_a_stall_says_nothing_and_notices_that_the_caller_leaves() -> None:
    reply = Reply(frames=[b"half"], framing="close", end="stall")
    async with open_upstream(serve([reply])) as upstream:
        async with (
            httpx2.AsyncClient(trust_env=False, timeout=HANG_S) as client,
            client.stream("POST", upstream.origin) as response,
        ):
            assert await anext(response.aiter_raw()) == b"half"
        with anyio.fail_after(HANG_S):
            while upstream.open_connections:
                await upstream.idle.wait()
        assert upstream.seen[0].gone_at is not None
        assert upstream.seen[0].answered_at is None


async def test_replies_come_in_order_over_one_connection_and_the_last_one_stays() -> None:
    replies = [Reply(frames=[b"1"]), Reply(status=503, frames=[b"2"])]
    async with open_upstream(serve(replies)) as upstream, httpx2.AsyncClient(trust_env=False) as client:
        answers = [await client.post(upstream.origin + "/v1/x?y=z", json={"n": n}) for n in range(3)]
        assert [(a.status_code, a.text) for a in answers] == [(200, "1"), (503, "2"), (503, "2")]
        assert [(s.method, s.target, s.path, s.json()) for s in upstream.seen] == [
            ("POST", "/v1/x?y=z", "/v1/x", {"n": n}) for n in range(3)
        ]
        assert upstream.open_connections == 1


async def test_form_fields_are_counted() -> None:
    async with open_upstream(serve([Reply()])) as upstream, httpx2.AsyncClient(trust_env=False) as client:
        files = [("image[]", ("a.png", b"1")), ("image[]", ("b.png", b"2"))]
        await client.post(upstream.origin, files=files, data={"prompt": "x"})
        assert upstream.seen[0].form_fields() == {"image[]": 2, "prompt": 1}


async def test_garbage_and_early_leavers_do_not_end_it() -> None:
    async with open_upstream(serve([Reply(frames=[b"ok"])])) as upstream:
        for sent in (b"", b"\x00\x01 garbage\r\n\r\n", b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nhal"):
            with socket.create_connection(("127.0.0.1", upstream.port)) as sock:
                sock.sendall(sent)
        pieces, error = await _read(upstream.origin)
        assert (pieces, error) == ([b"ok"], None)


async def test_half_close_ends_the_body_while_the_connection_stays() -> None:
    async def answer(seen: Seen, line: Line) -> None:
        await line.send(Reply(framing="close").head() + b"half")
        line.half_close()
        await line.stall()

    async with open_upstream(answer) as upstream:
        pieces, error = await _read(upstream.origin)
        assert (pieces, error) == ([b"half"], None)


async def test_playing_to_a_caller_who_left_ends_quietly() -> None:
    async def answer(seen: Seen, line: Line) -> None:
        await play(Reply(frames=[b"x" * 65_536] * 1000, framing="close"), line)

    async with open_upstream(answer) as upstream:
        async with (
            httpx2.AsyncClient(trust_env=False, timeout=HANG_S) as client,
            client.stream("POST", upstream.origin) as response,
        ):
            assert response.status_code == 200
        with anyio.fail_after(HANG_S):
            while upstream.open_connections:
                await upstream.idle.wait()
        assert upstream.seen[0].gone_at is not None
