"""Rows of media services, and requests built from hostile or incomplete arguments and answers."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from anymodel_mcp.dialects.fields import Dialect
from anymodel_mcp.dialects.jobs import JOB_ROWS, JobRow, find_job_row, service_of_model
from anymodel_mcp.errors import ArgumentError, Failure
from anymodel_mcp.types import FilePart
from anymodel_mcp.wire.exchange import ReadOptions, ResponseHead
from anymodel_mcp.wire.jobs.answer import JobState, Submitted, job_state, read_submit
from anymodel_mcp.wire.jobs.paths import read_path, write_path
from anymodel_mcp.wire.jobs.request import (
    Job,
    JobFile,
    JobRequest,
    build_cancel,
    build_poll,
    build_submit,
    root_of,
)
from anymodel_mcp.wire.urls import may_have_key
from tests.wire.feeding import JSON_HEAD, as_bytes, everyway

GATEWAY = "https://gw.example/v1"
PICTURE = FilePart(name="a.png", mime="image/png", content=b"\x89PNG\r\n\x1a\n")


def _submitted(answer: Any, row: JobRow, base: str = GATEWAY) -> Submitted | Failure:
    _, job = build_submit(JobRequest(prompt="x", model="m"), row, root_of(row, base))
    options = ReadOptions(dialect=Dialect(), model="m", max_event_bytes=100_000)
    return everyway(lambda: read_submit(JSON_HEAD, job, row, base, options), as_bytes(answer))


@pytest.mark.parametrize("row", JOB_ROWS.values(), ids=lambda row: row.name)
def test_every_row_names_its_source_and_builds_all_its_actions(row: JobRow) -> None:
    assert "https://" in row.source
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", row.checked)
    assert row.poll or not row.ids
    for action in row.submit:
        request = JobRequest(action=action, prompt="a cat", model="m", task="t1")
        wire, job = build_submit(request, row, root_of(row, GATEWAY))
        assert wire.url.startswith("https://gw.example/")
        assert "{" not in wire.url
        assert not wire.repeatable
        assert Job.from_json({**json.loads(json.dumps(job.to_json())), "unknown": 1}) == job


@pytest.mark.parametrize(
    ("model", "service"),
    [
        ("kling-v2-6", "kling"),
        ("chirp-v4", "suno"),
        ("flux-pro-1.1", "flux"),
        ("veo-3.1-generate-preview", "veo"),
        ("sora-2", "video"),
        ("wan2.6-t2v", "dashscope"),
        ("doubao-seedance-1-0", "seedance"),
        ("google/veo-3.1", "veo"),
        ("fal-ai/kling-video/v2/master", "fal"),
        ("gpt-5", ""),
    ],
)
def test_a_model_name_selects_its_service(model: str, service: str) -> None:
    assert service_of_model(model) == service


def test_a_provider_that_sells_many_services_has_them_as_actions() -> None:
    found = find_job_row("suno", "lyrics", "api.acedata.cloud")
    assert found
    assert (found[0].name, found[1]) == ("acedata", "suno/lyrics")
    wire, job = build_submit(JobRequest(action="suno/lyrics", prompt="x"), found[0], "https://api.acedata.cloud")
    assert wire.url == "https://api.acedata.cloud/suno/lyrics"
    poll = build_poll(Job.from_json({**job.to_json(), "id": "t"}), found[0])
    assert (poll.url, poll.body) == ("https://api.acedata.cloud/suno/tasks", {"id": "t", "action": "retrieve"})


@pytest.mark.parametrize(
    ("name", "base", "root"),
    [
        ("kling", "https://gw.example/v1", "https://gw.example/kling"),
        ("kling", "https://api.klingai.com/v1", "https://api.klingai.com"),
        ("suno", "https://gw.example/api/v1", "https://gw.example"),
        ("dashscope", "https://dashscope.aliyuncs.com/compatible-mode/v1", "https://dashscope.aliyuncs.com"),
        ("xai", "https://api.x.ai/v1", "https://api.x.ai/v1"),
        ("acedata", "https://api.acedata.cloud/openai", "https://api.acedata.cloud"),
    ],
)
def test_the_root_of_media_paths_follows_from_the_base_url(name: str, base: str, root: str) -> None:
    assert root_of(JOB_ROWS[name], base) == root


def test_a_configured_media_url_replaces_the_derived_root() -> None:
    assert root_of(JOB_ROWS["suno"], GATEWAY, "https://media.example/x/") == "https://media.example/x"


@pytest.mark.parametrize(
    ("url", "base", "allowed"),
    [
        ("https://gw.example/x", GATEWAY, True),
        ("https://gw.example:444/x", GATEWAY, False),
        ("http://gw.example/x", GATEWAY, False),
        ("https://api.us2.bfl.ai/v1/get_result?id=1", "https://api.bfl.ai/v1", True),
        ("http://api.us2.bfl.ai/v1/get_result?id=1", "https://api.bfl.ai/v1", False),
        ("https://api.us2.bfl.ai/v1/get_result?id=1", GATEWAY, False),
        ("https://evilbfl.ai/x", "https://api.bfl.ai/v1", False),
        ("https://user@api.bfl.ai/x", "https://api.bfl.ai/v1", False),
        ("https://api.bfl.ai:99999/x", "https://api.bfl.ai/v1", False),
        ("https://127.0.0.1/x", "https://api.bfl.ai/v1", False),
    ],
)
def test_the_key_goes_to_the_base_url_and_the_vendors_own_hosts_only(url: str, base: str, allowed: bool) -> None:
    assert may_have_key(url, base, JOB_ROWS["flux"].hosts) == allowed


def test_a_polling_url_on_another_host_is_not_followed() -> None:
    row = JOB_ROWS["flux"]
    found = _submitted({"id": "f1", "polling_url": "https://evil.example/steal"}, row, "https://api.bfl.ai/v1")
    assert isinstance(found, Submitted)
    assert build_poll(found.job, row).url == "https://api.bfl.ai/v1/get_result?id=f1"


@pytest.mark.parametrize("id_", ["../../admin", "a/b", "a?x=1", "a#b", "..", "a b"])
def test_an_id_cannot_leave_its_place_in_the_path(id_: str) -> None:
    row = JOB_ROWS["suno"]
    job = Job(row="suno", action="music", root="https://gw.example", id=id_)
    try:
        url = build_poll(job, row).url
    except ArgumentError:
        return
    assert url.startswith("https://gw.example/suno/fetch/")
    assert not set("/?#") & set(url.removeprefix("https://gw.example/suno/fetch/"))


def test_a_wrong_action_names_the_actions_and_their_fields() -> None:
    with pytest.raises(ArgumentError) as caught:
        build_submit(JobRequest(action="sing"), JOB_ROWS["suno"], "https://gw.example")
    assert caught.value.failure.param == "action"
    assert "music" in caught.value.failure.fix
    assert "model = mv" in caught.value.failure.fix


def test_files_go_to_the_fields_of_their_kind_in_the_form_that_is_asked() -> None:
    files = [JobFile(kind="image", part=PICTURE), JobFile(kind="image", url="https://e.example/b.png")]
    request = JobRequest(action="image2video", prompt="x", files=files)
    wire, _ = build_submit(request, JOB_ROWS["kling"], "https://gw.example/kling")
    assert wire.body
    assert (wire.body["image"], wire.body["image_tail"]) == ("iVBORw0KGgo=", "https://e.example/b.png")
    wire, _ = build_submit(JobRequest(prompt="x", files=files[:1]), JOB_ROWS["video"], "https://gw.example")
    assert wire.files == [("input_reference", PICTURE)]
    wire, _ = build_submit(JobRequest(prompt="x", model="m", files=files), JOB_ROWS["ark"], "https://gw.example/v3")
    assert wire.body
    assert [part.get("role") for part in wire.body["content"]] == [None, "first_frame", "last_frame"]
    with pytest.raises(ArgumentError, match="public URLs only"):
        build_submit(JobRequest(prompt="x", files=files[:1]), JOB_ROWS["luma"], "https://gw.example")
    with pytest.raises(ArgumentError, match="no field for this audio"):
        build_submit(
            JobRequest(files=[JobFile(kind="audio", part=PICTURE)]), JOB_ROWS["pixverse"], "https://gw.example"
        )


def test_the_callers_own_fields_win_and_objects_are_merged() -> None:
    request = JobRequest(
        prompt="x", model="m", options={"input": {"seed": 1, "prompt": "mine"}, "parameters": {"n": 1}}
    )
    wire, _ = build_submit(request, JOB_ROWS["dashscope"], "https://gw.example")
    assert wire.body == {"model": "m", "input": {"prompt": "mine", "seed": 1}, "parameters": {"n": 1}}


@pytest.mark.parametrize("answer", [{}, [], "text", 5, {"code": 0, "data": None}, {"data": {"task_id": ""}}])
def test_an_accepted_job_without_an_id_is_an_error_that_forbids_a_second_submit(answer: Any) -> None:
    found = _submitted(answer, JOB_ROWS["kling"])
    assert isinstance(found, Failure)
    assert not found.retryable


def test_unknown_state_words_mean_that_the_job_still_runs() -> None:
    row, job = JOB_ROWS["video"], Job(row="video", action="create", root="https://gw.example", id="v")
    for word in ("dreaming", "Preprocessing", "", "42", "in_progress"):
        assert job_state({"status": word}, job, row, status=200).status == "running"
    for word in ("COMPLETED", "Succeed", "ready", "done"):
        assert job_state({"status": word, "url": "https://c/x.mp4"}, job, row, status=200).status == "done"


def test_progress_is_read_in_every_spelling() -> None:
    row, job = JOB_ROWS["video"], Job(row="video", action="create", root="https://gw.example", id="v")
    spellings = [("50%", 50), (50, 50), (0.5, 50), ("35", 35), (None, None), ("", None), (1, 1), (1.0, 100), (250, 100)]
    for value, wanted in spellings:
        assert job_state({"status": "running", "progress": value}, job, row, status=200).progress == wanted


def test_cancel_is_built_where_the_service_offers_it() -> None:
    job = Job(row="replicate", action="model", root="https://api.replicate.com", id="p1")
    wire = build_cancel(job, JOB_ROWS["replicate"])
    assert wire
    assert (wire.method, wire.url) == ("POST", "https://api.replicate.com/v1/predictions/p1/cancel")
    assert build_cancel(job, JOB_ROWS["suno"]) is None


def test_a_million_urls_and_deep_answers_stay_bounded() -> None:
    row, job = JOB_ROWS["recraft"], Job(row="minimax", action="video", root="https://gw.example", id="v")
    many = {"data": [{"url": f"https://c/{i}.png"} for i in range(5000)]}
    assert len(job_state(many, job, row, status=200).outputs) == 64
    deep: Any = {"status": "success"}
    for _ in range(500):
        deep = {"data": deep, "status": "success"}
    assert isinstance(job_state(deep, job, JOB_ROWS["udio"], status=200), JobState)


@pytest.mark.parametrize(
    ("path", "found"),
    [("a.b", [1]), ("c[].d", [2, 3]), ("c[1].d", [3]), ("c[9].d", []), ("x.y", []), ("a.b.c", []), ("e", [])],
)
def test_paths_read_every_value(path: str, found: list[int]) -> None:
    assert read_path({"a": {"b": 1}, "c": [{"d": 2}, {"d": 3}], "e": None}, path) == found


def test_paths_write_through_objects_and_lists() -> None:
    body: dict[str, Any] = {}
    for path, value in (("a.b", 1), ("c[0].d", 2), ("c[0].e", 3), ("f[]", 4), ("f[]", 5), ("a", 6)):
        write_path(body, path, value)
    assert body == {"a": 6, "c": [{"d": 2, "e": 3}], "f": [4, 5]}


def test_a_refusal_inside_a_200_has_its_kind() -> None:
    found = _submitted({"code": 1102, "message": "Account balance not enough"}, JOB_ROWS["kling"])
    assert isinstance(found, Failure)
    assert (found.kind, found.retryable) == ("quota", False)
    head = ResponseHead(status=200, headers={})
    assert head.status == found.status
