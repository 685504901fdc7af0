"""Every collected dialect case, over both transports; `CASES_FILE=path` plays other cases."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cases.compare import KNOWN
from tests.cases.runner import CASES_FILES, load_cases, play_cases
from tests.serving import Transport

_FILES = (Path(os.environ["CASES_FILE"]),) if os.environ.get("CASES_FILE") else CASES_FILES


def test_every_promise_of_a_case_is_checked() -> None:
    assert {name for case in load_cases(*_FILES) for name in case["expect"]} <= KNOWN


@pytest.mark.parametrize("transport", ["stdio", "http"])
async def test_every_case_gives_what_it_promises(
    transport: Transport, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    for played in await play_cases(load_cases(*_FILES), transport, tmp_path):
        with subtests.test(case=played.case["id"]):
            assert not played.problems, "\n".join([played.case["expect"]["plain"], *played.problems])
