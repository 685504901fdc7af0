"""Every collected dialect case, over both transports; `CASES_FILE=path` plays other cases."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from tests.cases.compare import KNOWN
from tests.cases.runner import CASES_FILES, NOT_YET_SERVED, load_cases, play_cases, split_served
from tests.serving import Transport

_FILES = (Path(os.environ["CASES_FILE"]),) if os.environ.get("CASES_FILE") else CASES_FILES


def test_every_promise_of_a_served_case_is_checked() -> None:
    served, _ = split_served(load_cases(*_FILES))
    assert {name for case in served for name in case["expect"]} <= KNOWN


def test_groups_that_are_not_yet_served_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    _, other = split_served(load_cases(*_FILES))
    with capsys.disabled():
        for group, count in Counter(case["group"] for case in other).items():
            print(f"\n  not yet served: {group}, {count} cases ({NOT_YET_SERVED[group]})", end="")  # noqa: T201
    assert {case["group"] for case in other} <= set(NOT_YET_SERVED)


@pytest.mark.parametrize("transport", ["stdio", "http"])
async def test_every_served_case_gives_what_it_promises(
    transport: Transport, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    served, _ = split_served(load_cases(*_FILES))
    for played in await play_cases(served, transport, tmp_path):
        with subtests.test(case=played.case["id"]):
            assert not played.problems, "\n".join([played.case["expect"]["plain"], *played.problems])
