"""The upstreams answer as the fixtures say: when this fails, tests that use them fail for the same reason."""

from __future__ import annotations

import httpx2
import pytest

HELLO = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}


@pytest.mark.parametrize("fixture", ["llmock_url", "aimock_url", "xpyd_url"])
def test_an_upstream_answers_a_chat(fixture: str, request: pytest.FixtureRequest) -> None:
    url: str = request.getfixturevalue(fixture)
    body = {**HELLO, "model": "sim", "max_tokens": 4}
    answer = httpx2.post(f"{url}/chat/completions", json=body, headers={"authorization": "Bearer none"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["choices"][0]["message"]["content"]


def test_aimock_draws_a_picture(aimock_url: str) -> None:
    answer = httpx2.post(f"{aimock_url}/images/generations", json={"model": "m", "prompt": "a lighthouse"})
    assert answer.json()["data"][0]["b64_json"].startswith("iVBORw0KGgo")


def test_xpyd_completes_text(xpyd_url: str) -> None:
    answer = httpx2.post(f"{xpyd_url}/completions", json={"model": "sim", "prompt": "Once", "max_tokens": 4})
    assert answer.json()["choices"][0]["text"]
