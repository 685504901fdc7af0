"""`create_media` against services that refuse everything undocumented: one submit, the file on disk, the id told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest
import tomlkit
from mcp import Client

from tests.fakes import error_of, record_of, text_of
from tests.jobs.strict import KEY, VIDEO, Ace, Kling, Midjourney, Replicate, Service, Suno, reply
from tests.raw_upstream import Line, Reply, Seen, Upstreams, open_upstreams, play
from tests.serving import Transport, open_client
from tests.waiting import HANG_S

Json = dict[str, Any]
CASES: dict[str, tuple[type[Service], Json, Json, str]] = {
    "suno": (Suno, {}, {"service": "suno", "prompt": "la", "options": {"title": "x"}}, "song-1"),
    "midjourney": (Midjourney, {}, {"service": "midjourney", "prompt": "fox"}, "1729"),
    "kling": (Kling, {}, {"model": "kling/kling-v2-6", "prompt": "fox", "options": {"duration": "5"}}, "k1"),
    "replicate": (Replicate, {}, {"model": "replicate/owner/name", "prompt": "fox"}, "p1"),
    "ace": (Ace, {"dialect": "acedatacloud", "services": ["suno"]}, {"model": "ace/", "prompt": "la"}, "a1"),
}


def config(providers: dict[str, Json], **more: Json) -> str:
    """A configuration file; each provider sells what it is called after."""
    named = {name: {"api_key": KEY, "services": [name], **table} for name, table in providers.items()}
    return tomlkit.dumps({"providers": named, **more})  # pyright: ignore[reportUnknownMemberType]


def _open(services: dict[str, Service], upstreams: Upstreams) -> dict[str, Json]:
    return {
        name: {"base_url": f"{upstreams.open(service.answer).origin}/v1", **CASES[name][1]}
        for name, service in services.items()
    }


@pytest.mark.parametrize("transport", ["stdio", "http"])
async def test_each_service_takes_one_job_and_its_file_is_saved(transport: Transport, tmp_path: Path) -> None:
    services = {name: case[0]() for name, case in CASES.items()}
    results: dict[str, Any] = {}
    with anyio.fail_after(HANG_S):
        async with (
            open_upstreams() as upstreams,
            open_client(config(_open(services, upstreams)), tmp_path, transport=transport) as client,
            anyio.create_task_group() as group,
        ):

            async def call(name: str) -> None:
                results[name] = await client.call_tool("create_media", CASES[name][2])

            for name in CASES:
                group.start_soon(call, name)
    for name, (_, _, _, task_id) in CASES.items():
        record = record_of(results[name])
        assert services[name].refused == []
        assert len(services[name].submits) == 1
        (media,) = record["media"]
        assert Path(media["path"]).read_bytes() == VIDEO
        assert (media["kind"], media["mime"]) == ("video", "video/mp4")
        assert (record["task_id"], record["status"]) == (task_id, "complete")
        assert media["path"] in text_of_first(results[name])
        assert task_id in text_of_first(results[name])
        assert any(block.type == "resource_link" for block in results[name].content)
    assert record_of(results["midjourney"])["next"] == [
        {"action": "action", "options": {"taskId": "1729", "customId": "MJ::JOB::upsample::1::abc"}, "label": "U1"}
    ]


def text_of_first(result: Any) -> str:
    return next(block.text for block in result.content if block.type == "text")


async def _one(service: Service, arguments: Json, folder: Path, **more: Json) -> Any:
    async with open_upstreams() as upstreams:
        table = {"base_url": f"{upstreams.open(service.answer).origin}/v1"}
        names: dict[type[Service], str] = {Suno: "suno", Midjourney: "midjourney", Kling: "kling"}
        text = config({names[type(service)]: table}, **more)
        async with open_client(text, folder, transport="stdio") as client:
            return await client.call_tool("create_media", arguments)


async def test_a_job_that_waits_for_input_says_what_to_do_next(tmp_path: Path) -> None:
    options = {"customId": "MJ::Inpaint::1::abc::SOLO"}
    asked = {"service": "midjourney", "action": "action", "task": "1729", "options": options}
    with anyio.fail_after(HANG_S):
        result = await _one(Midjourney(), asked, tmp_path)
    record = record_of(result)
    assert record["status"] == "needs_input"
    assert record["next"] == [{"action": "modal", "options": {"taskId": "1730"}, "label": "go on"}]
    assert "'modal'" in text_of(result)
    assert "1730" in text_of(result)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"service": "kling", "action": "extendd", "prompt": "x"}, ["text2video", "image2video", "video_id"]),
        ({"service": "klinng", "prompt": "x", "model": "kling/"}, ["'klinng'", "kling"]),
        ({"prompt": "x"}, ["service", "kling"]),
        ({"service": "udio", "prompt": "x"}, ["no configured provider sells udio", "services"]),
        ({"service": "kling", "task": "r-nothing"}, ["r-nothing"]),
        ({"service": "kling", "prompt": "x", "files": ["http://a.example/x.png"]}, ["https"]),
    ],
)
async def test_wrong_arguments_are_answered_with_the_right_ones(
    arguments: Json, words: list[str], tmp_path: Path
) -> None:
    service = Kling()
    with anyio.fail_after(HANG_S):
        result = await _one(service, arguments, tmp_path)
    assert error_of(result)["kind"] in ("invalid_argument", "config")
    assert all(word in text_of(result) for word in words), text_of(result)
    assert service.submits == []


async def test_a_refused_submit_may_be_repeated_and_an_unclear_one_may_not(tmp_path: Path) -> None:
    """A 402 was surely not taken; after a 503 or a reset nobody knows, so nothing is sent again."""
    answers = {
        "refused": Reply(status=402, frames=[b'{"error": {"message": "no balance"}}']),
        "overloaded": Reply(status=503, frames=[b'{"error": {"message": "overloaded"}}']),
        "reset": Reply(frames=[b"{"], framing="close", end="reset"),
    }
    seen: dict[str, list[Seen]] = {name: [] for name in answers}
    found: dict[str, Any] = {}
    async with open_upstreams() as upstreams:

        def open_one(name: str) -> str:
            async def answer(request: Seen, line: Line) -> None:
                seen[name].append(request)
                await play(answers[name], line)

            return f"{upstreams.open(answer).origin}/v1"

        tables: dict[str, Json] = {name: {"base_url": open_one(name), "services": ["suno"]} for name in answers}
        with anyio.fail_after(HANG_S):
            async with open_client(config(tables), tmp_path, transport="stdio") as client:
                for name in answers:
                    found[name] = await client.call_tool(
                        "create_media", {"model": f"{name}/", "service": "suno", "prompt": "x"}
                    )
    assert {name: len(requests) for name, requests in seen.items()} == dict.fromkeys(answers, 1)
    assert error_of(found["refused"])["kind"] == "quota"
    for name in ("overloaded", "reset"):
        assert error_of(found[name])["retryable"] is False
        assert "own list of jobs" in text_of(found[name])


async def test_cancel_stops_the_job_at_the_vendor(tmp_path: Path) -> None:
    service = Replicate(polls=1000)
    with anyio.fail_after(HANG_S):
        async with open_upstreams() as upstreams:
            table = {"base_url": f"{upstreams.open(service.answer).origin}/v1"}
            text = config({"replicate": table}, limits={"soft_deadline_s": 3})
            async with open_client(text, tmp_path, transport="stdio") as client:
                running = await client.call_tool("create_media", {"model": "replicate/owner/name", "prompt": "x"})
                record = record_of(running)
                assert (record["status"], record["task_id"]) == ("running", "p1")
                assert (record["service"], record["action"]) == ("replicate", "model")
                assert "p1" in text_of(running)
                ended = await client.call_tool("get_result", {"id": record["result_id"], "cancel": True})
                again = await client.call_tool("get_result", {"id": record["result_id"]})
    assert service.cancelled == ["p1"]
    assert (record_of(ended)["cancelled"], record_of(ended)["task_id"]) == (True, "p1")
    assert "cancelled at replicate" in text_of(ended)
    assert error_of(again)["kind"] == "cancelled"
    assert service.refused == []


class _Hostile(Service):
    """Names results that must not be fetched, among a crowd of them."""

    elsewhere = ""

    def respond(self, seen: Seen, body: Json) -> tuple[Any, int] | None:
        if seen.method == "POST":
            self.submits.append(body)
            return {"code": "success", "data": "h1"}, 200
        bad = [self.elsewhere, "https://127.0.0.1/x.mp4", "https://10.0.0.7/x.mp4", "https://[::1]/x.mp4"]
        bad += ["https://169.254.169.254/latest/meta-data", f"{self.origin}/huge", f"{self.origin}/file"]
        bad += [f"https://10.0.0.{n % 250}/{n}.mp4" for n in range(100_000)]
        songs = [{"audio_url": url} for url in bad]
        return {"code": "success", "data": {"status": "SUCCESS", "data": songs}}, 200


async def test_hostile_results_are_warnings_beside_their_urls(tmp_path: Path) -> None:
    service, visited = _Hostile(), list[str]()

    async def elsewhere(seen: Seen, line: Line) -> None:
        visited.append(seen.target)
        await play(reply({}), line)

    async def answer(seen: Seen, line: Line) -> None:
        if seen.path == "/huge":
            await play(Reply(headers={"content-length": str(10 * 10**9)}, frames=[VIDEO], end="close"), line)
        else:
            await service.answer(seen, line)

    with anyio.fail_after(HANG_S):
        async with open_upstreams() as upstreams:
            service.elsewhere = f"{upstreams.open(elsewhere).origin}/x.mp4"
            table = {"base_url": f"{upstreams.open(answer).origin}/v1"}
            async with open_client(config({"suno": table}), tmp_path, transport="stdio") as client:
                result = await client.call_tool("create_media", {"service": "suno", "prompt": "x"})
    record = record_of(result)
    assert visited == []
    assert len(record["media"]) == 64
    assert [Path(m["path"]).read_bytes() for m in record["media"] if "path" in m] == [VIDEO]
    assert record["media"][0]["url"] == service.elsewhere
    assert any("100007 results; the first 64" in w for w in record["warnings"])
    assert any("at most 2000 MB" in w for w in record["warnings"])
    assert len(service.submits) == 1


async def test_create_media_is_listed_where_a_provider_sells_a_service(tmp_path: Path) -> None:
    plain = "[providers.work]\nbase_url = 'https://gw.example/v1'\n"
    listed: list[set[str]] = []
    for number, text in enumerate((plain, plain + "services = ['audio']\n", plain + "services = ['suno']\n")):
        async with open_client(text, tmp_path / str(number), transport="stdio") as client:
            listed.append(await _names(client))
            unlisted = await client.call_tool("create_media", {"service": "suno"})
            assert "prompt" in text_of(unlisted) or unlisted.is_error
    assert ["create_media" in names for names in listed] == [False, False, True]


async def _names(client: Client) -> set[str]:
    return {tool.name for tool in (await client.list_tools()).tools}
