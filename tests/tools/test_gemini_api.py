"""Pictures and vectors through the Gemini API, and how it says that there are none."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from anymodel_mcp.config import Settings
from anymodel_mcp.dialects.fields import ApiName
from tests.fakes import KEY, FakeProvider, connect, error_of, problem, provider, record_of, settings, stream, text_of

Json = dict[str, Any]
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def configured(model: str = "m", **more: Any) -> Settings:
    api: ApiName = "gemini"
    found = provider("p", base_url="http://p.test/v1beta", api=api, max_attempts=1, **more)
    return settings(found, default_image_model=f"p/{model}", default_embedding_model=f"p/{model}")


def body(request: httpx2.Request) -> Json:
    return json.loads(request.content)


def candidate(*parts: Json, finish: str = "STOP", **more: Any) -> Json:
    return {"candidates": [{"content": {"role": "model", "parts": list(parts)}, "finishReason": finish, **more}]}


def picture(mime: str = "image/png") -> Json:
    return {"inlineData": {"mimeType": mime, "data": PNG}}


async def test_texts_go_in_one_batch_and_come_back_in_order(tmp_path: Path) -> None:
    answer = {"embeddings": [{"values": [1.0, 0.0]}, {"values": [0.0, 1.0]}], "usageMetadata": {"promptTokenCount": 7}}
    fake = FakeProvider([httpx2.Response(200, json=answer)])
    arguments = {"input": ["a", "b"], "dimensions": 2, "output": "vectors", "options": {"title": "t"}}
    async with connect(fake, tmp_path, configured("gemini-embedding-001")) as client:
        result = await client.call_tool("embed", arguments)
    assert json.loads(text_of(result).partition("\n\n[")[0]) == [[1.0, 0.0], [0.0, 1.0]]
    assert record_of(result)["usage"]["input"] == 7
    (request,) = fake.seen
    assert request.url.path == "/v1beta/models/gemini-embedding-001:batchEmbedContents"
    assert request.headers["x-goog-api-key"] == KEY
    assert body(request)["requests"] == [
        {
            "model": "models/gemini-embedding-001",
            "content": {"parts": [{"text": text}]},
            "outputDimensionality": 2,
            "taskType": "RETRIEVAL_DOCUMENT",
            "title": "t",
        }
        for text in ("a", "b")
    ]


async def test_a_query_is_embedded_as_one(tmp_path: Path) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        texts = [one["content"]["parts"][0]["text"] for one in body(request)["requests"]]
        values = [{"values": [1.0, float(text == "b")]} for text in texts]
        return httpx2.Response(200, json={"embeddings": values})

    fake = FakeProvider([answer])
    async with connect(fake, tmp_path, configured()) as client:
        await client.call_tool("embed", {"input": ["a", "b"], "query": "q"})
    tasks = [one["taskType"] for request in fake.seen for one in body(request)["requests"]]
    assert sorted(tasks) == ["RETRIEVAL_DOCUMENT", "RETRIEVAL_DOCUMENT", "RETRIEVAL_QUERY"]


async def test_a_short_answer_is_no_success(tmp_path: Path) -> None:
    fake = FakeProvider([httpx2.Response(200, json={"embeddings": [{"values": [1.0]}]})])
    async with connect(fake, tmp_path, configured()) as client:
        error = error_of(await client.call_tool("embed", {"input": ["a", "b"]}))
    assert error["kind"] == "protocol"


SIZES: list[tuple[str | None, Json | None, int]] = [
    (None, None, 0),
    ("16:9", {"aspectRatio": "16:9"}, 0),
    ("2K", {"imageSize": "2K"}, 0),
    ("1024x1024", {"aspectRatio": "1:1"}, 1),
]


@pytest.mark.parametrize(("size", "config", "warned"), SIZES)
async def test_a_picture_is_made_by_a_model_that_talks(
    size: str | None, config: Json | None, warned: int, tmp_path: Path
) -> None:
    fake = FakeProvider([httpx2.Response(200, json=candidate({"text": "Here:"}, picture()))])
    arguments = {"prompt": "a cat", "images": [f"data:image/png;base64,{PNG}"]} | ({"size": size} if size else {})
    async with connect(fake, tmp_path, configured("gemini-2.5-flash-image")) as client:
        record = record_of(await client.call_tool("generate_image", arguments))
    (saved,) = record["images"]
    assert Path(saved["path"]).read_bytes() == base64.b64decode(PNG)
    (request,) = fake.seen
    assert request.url.path == "/v1beta/models/gemini-2.5-flash-image:generateContent"
    assert body(request)["contents"] == [{"role": "user", "parts": [{"text": "a cat"}, picture()]}]
    generation = body(request)["generationConfig"]
    assert generation["responseModalities"] == ["TEXT", "IMAGE"]
    assert generation.get("imageConfig") == config
    assert len(record.get("warnings", ())) == warned


async def test_options_are_merged_into_the_settings(tmp_path: Path) -> None:
    fake = FakeProvider([httpx2.Response(200, json=candidate(picture()))])
    options: Json = {"generationConfig": {"seed": 1}, "safetySettings": []}
    async with connect(fake, tmp_path, configured()) as client:
        record = record_of(await client.call_tool("generate_image", {"prompt": "a", "n": 2, "options": options}))
    assert body(fake.seen[0])["generationConfig"] == {"responseModalities": ["TEXT", "IMAGE"], "seed": 1}
    assert body(fake.seen[0])["safetySettings"] == []
    assert record["warnings"] == ["n was left out: this API has no such field"]


async def test_imagen_is_asked_in_its_own_form(tmp_path: Path) -> None:
    made = {"mimeType": "image/png", "bytesBase64Encoded": PNG}
    refused = {"raiFilteredReason": "Unable to show generated images."}
    fake = FakeProvider([httpx2.Response(200, json={"predictions": [made, refused]})])
    arguments = {
        "prompt": "a cat",
        "n": 2,
        "size": "4:3",
        "options": {"parameters": {"personGeneration": "dont_allow"}},
    }
    async with connect(fake, tmp_path, configured("imagen-4.0-generate-001")) as client:
        record = record_of(await client.call_tool("generate_image", arguments))
        edit = await client.call_tool("generate_image", {"prompt": "a", "images": [f"data:image/png;base64,{PNG}"]})
    assert len(record["images"]) == 1
    assert "Unable to show" in record["warnings"][0]
    (request,) = fake.seen
    assert request.url.path == "/v1beta/models/imagen-4.0-generate-001:predict"
    assert body(request) == {
        "instances": [{"prompt": "a cat"}],
        "parameters": {"aspectRatio": "4:3", "sampleCount": 2, "personGeneration": "dont_allow"},
    }
    assert error_of(edit)["kind"] == "invalid_argument"


NO_PICTURE: dict[str, tuple[Json, str, str]] = {
    "words": (candidate({"text": "I cannot draw that."}), "upstream", "I cannot draw that."),
    "filter": (candidate(finish="IMAGE_SAFETY"), "content_filter", "content filter"),
    "none": (candidate(finish="NO_IMAGE"), "upstream", "NO_IMAGE"),
    "prompt": (
        {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}},
        "content_filter",
        "PROHIBITED_CONTENT",
    ),
    "imagen": (
        {"predictions": [{"raiFilteredReason": "Blocked by safety filters"}]},
        "content_filter",
        "safety filters",
    ),
    "imagen, nothing": ({}, "upstream", ""),
}


@pytest.mark.parametrize(("answer", "kind", "said"), NO_PICTURE.values(), ids=NO_PICTURE)
async def test_no_picture_is_an_error_with_the_reason(answer: Json, kind: str, said: str, tmp_path: Path) -> None:
    model = "imagen-4" if "predictions" in answer or not answer else "gemini-2.5-flash-image"
    fake = FakeProvider([httpx2.Response(200, json=answer)])
    async with connect(fake, tmp_path, configured(model)) as client:
        error = error_of(await client.call_tool("generate_image", {"prompt": "a"}))
    assert (error["kind"], said in error["message"]) == (kind, True), error
    assert len(fake.seen) == 1


@pytest.mark.parametrize("tool", ["embed", "generate_image"])
async def test_a_refused_key_is_named(tool: str, tmp_path: Path) -> None:
    refusal = problem(400, "API key not valid. Please pass a valid API key.", code=400)
    async with connect(FakeProvider([refusal]), tmp_path, configured()) as client:
        error = error_of(await client.call_tool(tool, {"input": ["a"]} if tool == "embed" else {"prompt": "a"}))
    assert error["kind"] == "auth"


FINISHES: dict[str, tuple[str, str, str]] = {
    # https://ai.google.dev/api/generate-content#FinishReason (read 2026-11-28)
    "STOP": ("stop", "", ""),
    "MAX_TOKENS": ("length", "", ""),
    **dict.fromkeys(
        ("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY", "IMAGE_RECITATION"),
        ("content_filter", "", "content filter"),
    ),
    **dict.fromkeys(("LANGUAGE", "OTHER", "IMAGE_OTHER", "NO_IMAGE"), ("unknown", "", "is unknown")),
    **dict.fromkeys(
        ("MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MISSING_THOUGHT_SIGNATURE"),
        ("", "upstream", "default_api.look"),
    ),
    "MALFORMED_RESPONSE": ("", "upstream", "default_api.look"),
}


@pytest.mark.parametrize(("word", "told"), FINISHES.items(), ids=FINISHES)
async def test_every_finish_word_is_read(word: str, told: tuple[str, str, str], tmp_path: Path) -> None:
    finish, kind, said = told
    frame = candidate({"text": "Half"}, finish=word, finishMessage="bad call: default_api.look(")
    fake = FakeProvider([stream(b"data: " + json.dumps(frame).encode() + b"\n\n")])
    async with connect(fake, tmp_path, configured()) as client:
        result = await client.call_tool("chat", {"prompt": "a"})
    if kind:
        error = error_of(result)
        assert (error["kind"], error["partial_text"], said in error["message"]) == (kind, "Half", True), error
    else:
        record = record_of(result)
        assert (record["finish_reason"], record["finish_raw"]) == (finish, word)
        assert any(said in warning for warning in record.get("warnings", [""]))


RATINGS: dict[str, tuple[list[Json], str]] = {
    "blocked": (
        [
            {"category": "HARM_CATEGORY_HARASSMENT", "probability": "HIGH"},
            {"category": "HARM_CATEGORY_HATE_SPEECH", "probability": "MEDIUM", "blocked": True},
        ],
        "HARM_CATEGORY_HATE_SPEECH",
    ),
    "most probable": (
        [
            {"category": "HARM_CATEGORY_HARASSMENT", "probability": "NEGLIGIBLE"},
            {"category": "HARM_CATEGORY_SEXUALLY_EXPLICIT", "probability": "HIGH"},
        ],
        "HARM_CATEGORY_SEXUALLY_EXPLICIT",
    ),
    "probable": ([{"category": "HARM_CATEGORY_CIVIC_INTEGRITY", "probability": "MEDIUM"}], "CIVIC_INTEGRITY"),
}


@pytest.mark.parametrize(("ratings", "category"), RATINGS.values(), ids=RATINGS)
@pytest.mark.parametrize("where", ["prompt", "answer"])
async def test_the_category_of_a_block_is_named(where: str, ratings: list[Json], category: str, tmp_path: Path) -> None:
    frame: Json = {"promptFeedback": {"blockReason": "SAFETY", "safetyRatings": ratings}}
    if where == "answer":
        frame = candidate({"text": "Half"}, finish="SAFETY", safetyRatings=ratings)
    fake = FakeProvider([stream(b"data: " + json.dumps(frame).encode() + b"\n\n")])
    async with connect(fake, tmp_path, configured()) as client:
        text = text_of(await client.call_tool("chat", {"prompt": "a"}))
    assert category in text
    assert "HARASSMENT" not in text
