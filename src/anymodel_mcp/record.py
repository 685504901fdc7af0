"""Immutable dataclasses that cost half as much to define.

`dataclasses` compiles the source of `__repr__`, `__eq__` and `__hash__` for every class. This server has some 150 such
classes, and hosts wait for its import; here all classes share these three methods.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import Field, dataclass, field, fields
from functools import cache
from operator import attrgetter
from reprlib import recursive_repr
from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(Field, field))
def record(cls: type[T]) -> type[T]:
    """Makes a frozen dataclass with slots and keyword-only arguments; `repr`, `==` and `hash` are as usual."""
    return _share(dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)(cls))


@dataclass_transform(frozen_default=True, field_specifiers=(Field, field))
def positional_record(cls: type[T]) -> type[T]:
    """Makes a record whose arguments may be positional."""
    return _share(dataclass(frozen=True, slots=True, repr=False, eq=False)(cls))


def _share(cls: type[T]) -> type[T]:
    for name, method in _SHARED.items():
        if name not in cls.__dict__ or (name == "__hash__" and cls.__dict__[name] is None):
            setattr(cls, name, method)
    return cls


@recursive_repr()
def _repr(self: Any) -> str:
    shown = ", ".join(f"{each.name}={getattr(self, each.name)!r}" for each in fields(self) if each.repr)
    return f"{self.__class__.__qualname__}({shown})"


def _eq(self: Any, other: object) -> bool:
    if other.__class__ is not self.__class__:
        return NotImplemented
    compared = _compared(self.__class__)
    return compared(self) == compared(other)


def _hash(self: Any) -> int:
    return hash(_compared(self.__class__)(self))


@cache
def _compared(cls: type[Any]) -> Callable[[Any], object]:
    """What reads the fields that `==` and `hash` look at: a tuple, or the value where there is one field."""
    names = [each.name for each in fields(cls) if each.compare]
    return attrgetter(*names) if names else lambda _: ()


_SHARED: dict[str, Callable[..., object]] = {"__repr__": _repr, "__eq__": _eq, "__hash__": _hash}
