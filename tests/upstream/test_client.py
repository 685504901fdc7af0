"""The sender: timeouts, retries, repairs, redirects, keys; on asyncio and trio, over httpx2's own seam."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import replace
from typing import Any

import anyio
import httpx2
import pytest
from anyio.abc import TaskGroup

from anymodel_mcp.config import ProviderSettings
from anymodel_mcp.dialects.fields import Dialect
from anymodel_mcp.errors import ConfigError, ProviderError
from anymodel_mcp.types import ChatRequest, Delta, EmbeddingsRequest, ImageRequest
from anymodel_mcp.upstream.batches import embed_all
from anymodel_mcp.upstream.call_state import LearnedRepairs
from anymodel_mcp.upstream.client import ProviderClient
from anymodel_mcp.upstream.endpoint import Endpoint
from anymodel_mcp.upstream.jobs import make_images
from anymodel_mcp.upstream.model_lists import list_models
from anymodel_mcp.wire.failures.repair_steps import Repair
from tests.fakes import DONE, Endless, chunk, completion, endless, problem, provider, stream
from tests.waiting import HANG_S

Handler = Callable[[httpx2.Request], Any]
AsyncHandler = Callable[[httpx2.Request], Coroutine[None, None, httpx2.Response]]


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return request.param


class Sent:
    """An endpoint over a handler; sleeps are noted, not slept."""

    def __init__(
        self, handler: Handler, *, learned: LearnedRepairs | None = None, key: str | None = "sk-key-1", **more: Any
    ) -> None:
        self.requests: list[httpx2.Request] = []
        self.sleeps: list[float] = []
        self.deltas: list[Delta] = []
        settings: ProviderSettings = replace(provider(), **more)

        def handle(request: httpx2.Request) -> httpx2.Response:
            self.requests.append(request)
            answer = handler(request)
            if isinstance(answer, Exception):
                raise answer
            return answer

        async def read_key() -> str | None:
            return key

        async def sleep(seconds: float) -> None:
            self.sleeps.append(seconds)

        self.http = httpx2.AsyncClient(transport=httpx2.MockTransport(handle), follow_redirects=False)
        client = ProviderClient(
            settings, self.http, learned or LearnedRepairs(), read_key, sleep=sleep, jitter=lambda: 0.0
        )
        self.endpoint = Endpoint(client=client, dialect=Dialect(), model="m", max_event_bytes=100_000, sleep=sleep)

    async def chat(self, **more: Any) -> str:
        """The text of one chat."""
        request = ChatRequest(model="m", messages=[{"role": "user", "content": "hi"}], **more)
        result, self.stats = await self.endpoint.send(self.endpoint.chat, request, self.deltas.extend)
        return result.text


def in_turn(*answers: Any) -> Handler:
    """Answers one after the other, the last for ever."""
    left = list(answers)
    return lambda _request: left.pop(0) if len(left) > 1 else left[0]


async def _failure(sent: Sent, **more: Any) -> ProviderError:
    with anyio.fail_after(HANG_S), pytest.raises(ProviderError) as caught:
        await sent.chat(**more)
    return caught.value


async def test_news_come_in_order_and_the_trip_is_told() -> None:
    headers = {"content-type": "text/event-stream", "x-request-id": "r1", "x-ratelimit-remaining-requests": "9"}
    body = chunk("a") + chunk("b") + chunk(finish="stop") + DONE
    sent = Sent(lambda _: httpx2.Response(200, headers=headers, content=body))
    assert await sent.chat() == "ab"
    assert {d.kind for d in sent.deltas} == {"text"}
    assert "".join(d.text for d in sent.deltas) == "ab"
    assert (sent.stats.attempts, sent.stats.request_id) == (1, "r1")
    assert sent.stats.rate_limit == {"remaining_requests": "9"}
    assert sent.stats.first_delta_s is not None


@pytest.mark.parametrize(
    ("settings", "body", "kind", "words", "partial"),
    [
        ({"first_byte_timeout_s": 0.2}, Endless(), "timeout", "first_byte_timeout_s", None),
        ({"first_byte_timeout_s": 0.2}, Endless(b": ping\n\n", chunk()), "timeout", "first_byte_timeout_s", None),
        ({"idle_timeout_s": 0.2}, Endless(chunk("half")), "timeout", "idle_timeout_s", "half"),
        ({"total_timeout_s": 0.2}, Endless(chunk("half")), "timeout", "total_timeout_s", "half"),
    ],
    ids=["nothing", "only a role", "silence", "total"],
)
async def test_each_timeout_fires_and_names_its_setting(
    settings: dict[str, Any], body: Endless, kind: str, words: str, partial: str | None
) -> None:
    body.closed, body.go_on = anyio.Event(), anyio.Event()
    sent = Sent(lambda _: endless(body), max_attempts=1, **settings)
    error = await _failure(sent)
    assert (error.kind, error.failure.partial_text, error.failure.model) == (kind, partial, "m")
    assert words in error.failure.message
    assert error.failure.retryable is (partial is None)
    assert body.closed.is_set()


async def test_a_whole_answer_whose_socket_stays_open_is_whole() -> None:
    body = Endless(chunk("all"), chunk(finish="stop"))
    sent = Sent(lambda _: endless(body), idle_timeout_s=0.1)
    with anyio.fail_after(HANG_S):
        assert await sent.chat() == "all"


async def test_reading_stops_at_done() -> None:
    body = Endless(chunk("all"), chunk(finish="stop"), DONE)
    sent = Sent(lambda _: endless(body))
    with anyio.fail_after(HANG_S):
        assert await sent.chat() == "all"
    assert body.closed.is_set()


async def test_cancelling_closes_the_connection() -> None:
    body = Endless(chunk("a"))
    sent = Sent(lambda _: endless(body))
    with anyio.fail_after(HANG_S):
        async with anyio.create_task_group() as group:
            group.start_soon(sent.chat)
            while not sent.deltas:
                await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()
        assert body.closed.is_set()


class Breaking(httpx2.AsyncByteStream):
    """A body that breaks off."""

    def __init__(self, *frames: bytes) -> None:
        self._frames = frames

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for frame in self._frames:
            yield frame
        raise httpx2.ReadError("connection reset by peer")


def _breaking(*frames: bytes) -> httpx2.Response:
    return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=Breaking(*frames))


async def test_a_cut_stream_keeps_its_text_and_is_not_sent_again() -> None:
    sent = Sent(lambda _: _breaking(chunk("half")))
    error = await _failure(sent)
    assert (error.kind, error.failure.partial_text, error.failure.retryable) == ("stream_truncated", "half", False)
    assert len(sent.requests) == 1


async def test_a_stream_cut_before_its_first_word_is_sent_again() -> None:
    sent = Sent(in_turn(_breaking(), completion("second")))
    assert await sent.chat() == "second"
    assert sent.stats.attempts == 2


@pytest.mark.parametrize(
    ("error", "kind", "count"),
    [
        (httpx2.ConnectError("refused"), "connection", 3),
        (httpx2.ConnectTimeout(""), "timeout", 3),
        (httpx2.ReadError("reset"), "connection", 3),
        (httpx2.RemoteProtocolError("Server disconnected"), "connection", 3),
        (httpx2.UnsupportedProtocol("no scheme"), "config", 1),
    ],
)
async def test_the_network_s_failures_are_named_and_tried_again(error: Exception, kind: str, count: int) -> None:
    sent = Sent(lambda _: error)
    failure = (await _failure(sent)).failure
    assert (failure.kind, failure.attempts, len(sent.requests)) == (kind, count, count)
    assert "p.test" in failure.message
    assert failure.fix


async def test_waits_between_attempts_grow_and_a_wish_is_kept() -> None:
    sent = Sent(in_turn(problem(503, "busy"), problem(429, "slow", {"retry-after": "7"}), completion("x")))
    assert await sent.chat() == "x"
    assert sent.sleeps == [0.5, 7.0]


async def test_a_wish_longer_than_allowed_is_reported_not_slept() -> None:
    sent = Sent(lambda _: problem(429, "slow", {"retry-after": "60"}))
    failure = (await _failure(sent)).failure
    assert (failure.kind, failure.retry_after_s, failure.attempts, sent.sleeps) == ("rate_limit", 60.0, 1, [])


async def test_a_wait_that_does_not_fit_the_total_is_not_begun() -> None:
    sent = Sent(lambda _: problem(429, "slow", {"retry-after": "7"}), total_timeout_s=5)
    await _failure(sent)
    assert sent.sleeps == []


async def test_a_repair_is_learned_and_reported() -> None:
    noted: list[tuple[str, str, Repair]] = []

    def note(place: str, model: str, repair: Repair) -> None:
        noted.append((place, model, repair))

    learned = LearnedRepairs(note)

    def handle(request: httpx2.Request) -> httpx2.Response:
        if "max_tokens" in json.loads(request.content):
            text = "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead."
            return problem(400, text, code="unsupported_parameter", param="max_tokens")
        return completion("x")

    sent = Sent(handle, learned=learned)
    assert await sent.chat(max_tokens=5) == "x"
    assert (sent.stats.attempts, len(noted)) == (2, 1)
    assert await sent.chat(max_tokens=5) == "x"
    assert sent.stats.attempts == 1
    assert any("max_completion_tokens" in w for w in sent.stats.warnings)


async def test_a_limit_that_moves_is_followed_once() -> None:
    limits = iter(range(4000, 0, -500))
    sent = Sent(lambda _: problem(400, f"max_tokens must be at most {next(limits)}", param="max_tokens"))
    failure = await _failure(sent, max_tokens=9000)
    assert [json.loads(r.content)["max_tokens"] for r in sent.requests] == [9000, 4000]
    assert failure.kind == "unsupported_parameter"


@pytest.mark.parametrize(("listed", "supplied"), [(None, 4096), (777, 777)])
async def test_a_missing_limit_is_supplied_from_the_list(listed: int | None, supplied: int) -> None:
    sent = Sent(in_turn(problem(400, "max_tokens: Field required"), completion("x")))
    sent.endpoint = replace(sent.endpoint, output_limit=listed)
    assert await sent.chat() == "x"
    assert json.loads(sent.requests[-1].content)["max_tokens"] == supplied


async def test_a_redirect_to_another_host_is_not_followed() -> None:
    sent = Sent(lambda _: httpx2.Response(307, headers={"location": "https://evil.test/v1"}))
    failure = (await _failure(sent)).failure
    assert (failure.kind, failure.status, len(sent.requests)) == ("config", 307, 1)
    assert "evil.test" in failure.message


@pytest.mark.parametrize(
    "location", ["http://p.test/v2/chat/completions", "/v2/chat/completions", "https://p.test/v2/c"]
)
async def test_a_redirect_on_the_same_host_keeps_method_body_and_key(location: str) -> None:
    def handle(request: httpx2.Request) -> httpx2.Response:
        if request.url.path.startswith("/v1"):
            return httpx2.Response(301, headers={"location": location})
        return completion("moved")

    sent = Sent(handle)
    assert await sent.chat(stream=False) == "moved"
    assert sent.requests[1].method == "POST"
    assert sent.requests[1].headers["authorization"] == "Bearer sk-key-1"
    assert sent.requests[1].content == sent.requests[0].content
    assert any("base_url" in w for w in sent.stats.warnings)


async def test_the_body_of_a_redirect_is_closed_before_the_next_request() -> None:
    body = Endless(b"<html>moved")
    closed: list[bool] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        if request.url.path.startswith("/v1"):
            return httpx2.Response(301, headers={"location": "/v2/chat/completions"}, stream=body)
        closed.append(body.closed.is_set())
        return completion("moved")

    assert await Sent(handle).chat(stream=False) == "moved"
    assert closed == [True]


@pytest.mark.parametrize(
    ("models_url", "asked"),
    [
        (None, "http://p.test/v1/models"),
        ("http://p.test/catalog/models", "http://p.test/catalog/models"),
        ("http://p.test/api/list?kind=chat", "http://p.test/api/list?kind=chat"),
    ],
)
async def test_the_list_of_models_is_asked_for_at_its_own_address(models_url: str | None, asked: str) -> None:
    sent = Sent(lambda _: httpx2.Response(200, json={"data": [{"id": "m"}]}), models_url=models_url)
    assert [m.id for m in (await list_models(sent.endpoint)).models] == ["m"]
    assert [str(request.url) for request in sent.requests] == [asked]


async def test_an_endless_redirect_ends() -> None:
    sent = Sent(lambda request: httpx2.Response(301, headers={"location": str(request.url)}))
    await _failure(sent)
    assert len(sent.requests) == 4


@pytest.mark.parametrize(
    ("auth", "key", "name", "value"),
    [
        ("bearer", "sk-key-1", "authorization", "Bearer sk-key-1"),
        ("header:api-key", "sk-key-1", "api-key", "sk-key-1"),
        ("bearer", None, "authorization", None),
        ("none", "sk-key-1", "authorization", None),
    ],
)
async def test_the_key_travels_as_configured(auth: str, key: str | None, name: str, value: str | None) -> None:
    sent = Sent(lambda _: completion("x"), auth=auth, key=key, headers={"X-Title": "team"})
    await sent.chat()
    assert sent.requests[0].headers.get(name) == value
    assert sent.requests[0].headers["x-title"] == "team"


async def test_a_key_that_no_header_can_carry_is_a_configuration_error() -> None:
    sent = Sent(lambda _: completion("x"), key="sk-schlüssel-ж")
    with pytest.raises(ConfigError, match="HTTP cannot carry"):
        await sent.chat()


async def test_compressed_garbage_is_told_as_such() -> None:
    headers = {"content-encoding": "gzip", "content-type": "application/json"}
    sent = Sent(lambda _: httpx2.Response(200, headers=headers, stream=httpx2.ByteStream(b"not gzip")))
    assert (await _failure(sent)).kind == "protocol"


async def test_a_huge_error_page_is_read_only_in_part() -> None:
    sent = Sent(lambda _: httpx2.Response(400, content=b"x" * 5_000_000))
    assert len((await _failure(sent)).failure.message) < 500


async def test_a_ticket_is_waited_for_and_never_bought_twice() -> None:
    answers = in_turn(
        httpx2.Response(200, json={"task_id": "t1"}),
        httpx2.Response(200, json={"id": "t1", "request": {}}),
        httpx2.Response(200, json={"response": {"success": True, "data": [{"url": "https://x.test/a.png"}]}}),
    )
    sent = Sent(answers)
    phases: list[str] = []
    jobs: list[str] = []
    request = ImageRequest(model="m", prompt="x")
    result, trip = await make_images(sent.endpoint, request, on_job=jobs.append, on_phase=phases.append)
    assert [p.url for p in result.images] == ["https://x.test/a.png"]
    assert [r.url.path for r in sent.requests] == ["/v1/images/generations", "/v1/tasks", "/v1/tasks"]
    assert (trip.attempts, sent.sleeps) == (3, [1.0, 1.5])
    assert "t1" in phases[0]
    assert jobs == ["t1"]


async def test_a_ticket_that_nobody_can_redeem_is_told() -> None:
    sent = Sent(lambda _: httpx2.Response(200, json={"task_id": "t1"}))
    endpoint = replace(sent.endpoint, dialect=replace(Dialect(), task_path=""))
    jobs: list[str] = []
    with pytest.raises(ProviderError, match="t1"):
        await make_images(endpoint, ImageRequest(model="m", prompt="x"), on_job=jobs.append, on_phase=print)
    assert jobs == ["t1"]


async def test_vectors_of_different_lengths_are_refused() -> None:
    def handle(request: httpx2.Request) -> httpx2.Response:
        words = json.loads(request.content)["input"]
        return httpx2.Response(
            200, json={"data": [{"index": i, "embedding": [0.5] * len(w)} for i, w in enumerate(words)]}
        )

    sent = Sent(handle)
    endpoint = replace(sent.endpoint, dialect=replace(Dialect(), embed_batch=1))
    with pytest.raises(ProviderError, match="different lengths"):
        await embed_all(endpoint, EmbeddingsRequest(model="m", inputs=["a", "bb"]))


async def test_pages_of_a_model_list_end_when_nothing_new_comes() -> None:
    page = {"data": [{"id": "a"}], "has_more": True, "last_id": "a"}
    sent = Sent(lambda _: httpx2.Response(200, json=page))
    found = await list_models(sent.endpoint)
    assert [m.id for m in found.models] == ["a"]
    assert len(sent.requests) == 2


async def test_without_a_list_the_configured_models_are_told() -> None:
    sent = Sent(lambda _: httpx2.Response(404, text="404 page not found"), models=("own",))
    found = await list_models(sent.endpoint)
    assert [(m.id, m.source) for m in found.models] == [("own", "config")]
    assert "no model list" in found.warnings[0]


async def test_a_stream_of_the_responses_api_is_the_same_result() -> None:
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": {"id": "r", "status": "in_progress", "output": []}},
        {"type": "response.output_text.delta", "delta": "Hello", "item_id": "i", "output_index": 0, "content_index": 0},
        {
            "type": "response.completed",
            "response": {
                "id": "r", "status": "completed", "model": "m",
                "output": [{"type": "message", "content": [{"type": "output_text", "text": "Hello"}]}],
                "usage": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2},
            },
        },
    ]  # fmt: skip
    sent = Sent(lambda _: stream(*[b"data: " + json.dumps(e).encode() + b"\n\n" for e in events]))
    sent.endpoint = replace(sent.endpoint, api="responses")
    assert await sent.chat() == "Hello"
    assert sent.requests[0].url.path == "/v1/responses"


class Queue:
    """A provider that answers on request and records the order of calls."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.most = 0
        self._open: list[anyio.Event] = []

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(json.loads(request.content)["messages"][0]["content"])
        done = anyio.Event()
        self._open.append(done)
        self.most = max(self.most, len(self._open))
        await done.wait()
        return completion("x")

    def answer(self) -> None:
        """Answers whoever was asked first."""
        self._open.pop(0).set()


class Line:
    """Chats with a provider that takes `max_parallel` calls at once."""

    def __init__(self, answer: AsyncHandler, group: TaskGroup, **settings: Any) -> None:
        async def read_key() -> str | None:
            return None

        http = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
        self.client = ProviderClient(replace(provider(), **settings), http, LearnedRepairs(), read_key)
        self._endpoint = Endpoint(client=self.client, dialect=Dialect(), model="m", max_event_bytes=100_000)
        self._group = group
        self.ended: list[str] = []

    async def chat(self, name: str) -> None:
        """A whole chat."""
        request = ChatRequest(model="m", messages=[{"role": "user", "content": name}], stream=False)
        await self._endpoint.send(self._endpoint.chat, request, lambda _: None)

    async def list_models(self) -> None:
        """Asks for the list."""
        await list_models(self._endpoint)

    async def start(self, name: str) -> anyio.CancelScope:
        """A chat that has begun to wait, or is asked; its scope cancels it."""
        scope = anyio.CancelScope()

        async def chat() -> None:
            with scope:
                await self.chat(name)
                self.ended.append(name)

        self._group.start_soon(chat)
        await anyio.wait_all_tasks_blocked()
        return scope


async def test_calls_above_the_limit_wait_in_order_and_a_cancelled_one_leaves_the_line() -> None:
    queue = Queue()
    with anyio.fail_after(HANG_S):
        async with anyio.create_task_group() as group:
            line = Line(queue, group, max_parallel=2)
            scopes = [await line.start(name) for name in "abcde"]
            assert queue.asked == ["a", "b"]
            scopes[2].cancel()
            for _ in range(2):
                queue.answer()
                await anyio.wait_all_tasks_blocked()
            assert queue.asked == ["a", "b", "d", "e"]
            scopes[3].cancel()  # one that is asked frees its slot, too
            await anyio.wait_all_tasks_blocked()
            await line.start("f")
            assert queue.asked[-1] == "f"
            assert line.ended == ["a", "b"]
            group.cancel_scope.cancel()


async def test_without_a_limit_nobody_waits() -> None:
    queue = Queue()
    async with anyio.create_task_group() as group:
        line = Line(queue, group)
        for name in "abcdefgh":
            await line.start(name)
        assert queue.most == 8
        group.cancel_scope.cancel()


async def test_a_wait_for_a_slot_counts_as_time_of_the_call() -> None:
    queue = Queue()
    with anyio.fail_after(HANG_S):
        async with anyio.create_task_group() as group:
            line = Line(queue, group, max_parallel=1)
            await line.start("a")
            line.client.settings = replace(line.client.settings, total_timeout_s=0.2)
            with pytest.raises(ProviderError, match="max_parallel") as caught:
                await line.chat("b")
            failure = caught.value.failure
            assert (failure.kind, failure.retryable, queue.asked) == ("busy", True, ["a"])
            group.cancel_scope.cancel()


async def test_lists_and_polls_need_no_slot() -> None:
    lists: list[str] = []

    async def handle(request: httpx2.Request) -> httpx2.Response:
        if request.method == "GET":
            lists.append(request.url.path)
            return httpx2.Response(200, json={"data": [{"id": "m"}]})
        await anyio.sleep_forever()
        raise AssertionError

    async with anyio.create_task_group() as group:
        line = Line(handle, group, max_parallel=1)
        await line.start("a")
        with anyio.fail_after(HANG_S):
            await line.list_models()
        group.cancel_scope.cancel()
    assert lists == ["/v1/models"]
