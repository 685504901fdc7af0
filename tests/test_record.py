"""Records behave as the frozen dataclasses of the standard library do."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, dataclass, field, fields, replace

import pytest

from anymodel_mcp.record import positional_record, record


@record
class Point:
    x: int
    y: int = 0
    secret: str = field(default="key", repr=False)
    note: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    x: int
    y: int = 0
    secret: str = field(default="key", repr=False)
    note: str = field(default="", compare=False)


@positional_record
class One:
    value: object


@positional_record
class Other:
    value: object


@record
class Empty:
    pass


@record
class Own:
    x: int = 1

    def __repr__(self) -> str:
        return "own"

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 7


@record
class OwnEquality:
    x: int = 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OwnEquality)


_ROWS = [{"x": 1}, {"x": 1, "y": 0}, {"x": 2}, {"x": 1, "y": 2}, {"x": 1, "secret": "b"}, {"x": 1, "note": "n"}]


@pytest.mark.parametrize("left", _ROWS)
@pytest.mark.parametrize("right", _ROWS)
def test_equality_and_hash_are_those_of_a_dataclass(left: dict[str, int], right: dict[str, int]) -> None:
    same = Usual(**left) == Usual(**right)  # pyright: ignore[reportArgumentType] a row of the table
    ours = Point(**left), Point(**right)  # pyright: ignore[reportArgumentType] a row of the table
    assert (ours[0] == ours[1]) is same
    assert (ours[0] != ours[1]) is not same
    assert len(set(ours)) == (1 if same else 2)


@pytest.mark.parametrize("row", _ROWS)
def test_the_text_is_that_of_a_dataclass(row: dict[str, int]) -> None:
    usual = repr(Usual(**row))  # pyright: ignore[reportArgumentType] a row of the table
    assert repr(Point(**row)) == usual.replace("Usual", "Point")  # pyright: ignore[reportArgumentType] a row


def test_records_of_different_classes_differ() -> None:
    assert One(1) != Other(1)
    assert One(1) != 1
    assert {One(1): "a", Other(1): "b"}[Other(1)] == "b"


def test_records_without_fields_are_equal() -> None:
    assert Empty() == Empty()
    assert hash(Empty()) == hash(Empty())
    assert repr(Empty()) == "Empty()"


def test_a_record_that_contains_itself_can_be_shown() -> None:
    values: list[object] = []
    values.append(One(values))
    assert repr(values[0]) == "One(value=[...])"
    held = One([])
    held.value.append(held)  # pyright: ignore[reportUnknownMemberType, reportAttributeAccessIssue] a list
    assert repr(held) == "One(value=[...])"


def test_an_unhashable_value_makes_the_record_unhashable() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(One([]))


def test_a_record_cannot_be_changed() -> None:
    point = Point(x=1)
    with pytest.raises(FrozenInstanceError):
        point.x = 2  # pyright: ignore[reportAttributeAccessIssue] what is tested
    with pytest.raises(FrozenInstanceError):
        del point.x  # pyright: ignore[reportAttributeAccessIssue] what is tested
    assert not hasattr(point, "__dict__")


def test_methods_of_the_class_stay() -> None:
    assert repr(Own()) == "own"
    assert hash(Own()) == 7
    assert Own(x=1) == Own(x=2)
    assert OwnEquality(x=1) == OwnEquality(x=2)


def test_records_are_dataclasses() -> None:
    assert [each.name for each in fields(Point)] == ["x", "y", "secret", "note"]
    assert replace(Point(x=1), y=3) == Point(x=1, y=3)
    assert copy.deepcopy(Point(x=1)) == Point(x=1)
    assert pickle.loads(pickle.dumps(Point(x=1, y=2))) == Point(x=1, y=2)
