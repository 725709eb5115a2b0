"""What settings there are: for `docs/configuration.md` and `trackway settings explain`, from the structs themselves.

The meaning of a field is the text beneath it in the source, so there is one place to write it.
"""

import ast
import difflib
import inspect
import textwrap
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, cast

import msgspec
from msgspec import NODEFAULT, Struct
from msgspec.inspect import (
    AnyType,
    BoolType,
    CustomType,
    DictType,
    Field,
    FloatType,
    IntType,
    ListType,
    LiteralType,
    Metadata,
    NoneType,
    StrType,
    StructType,
    Type,
    UnionType,
)

from trackway.workspace.changes import is_read_at_start
from trackway.workspace.secret import Secret
from trackway.workspace.units import Duration, Size

_SIMPLE: dict[type[Type], str] = {
    AnyType: "anything",
    BoolType: "true or false",
    FloatType: "number",
    IntType: "whole number",
    StrType: "text",
    StructType: "group",
}


class Setting(Struct, frozen=True):
    """One key of trackway.yaml."""

    key: str
    """Dotted; `*` stands for a name that the operator gives, `[]` for each member of a list."""
    kind: str
    """What may be written, in words."""
    default: str | None
    """As it would be written; None where the key must be given."""
    meaning: str
    at_start: bool
    """Whether a change waits for a restart."""
    is_group: bool
    """Whether it holds further keys."""


def describe(kind: type[Struct], where: str = "") -> Iterator[Setting]:
    """Yield every setting of a struct, groups before their members, in the order of the source.

    `where` is the place of the struct, with a dot behind it.
    """
    info = msgspec.inspect.type_info(kind)
    assert isinstance(info, StructType)  # noqa: S101  what the signature asks for, told to the type checker
    meanings = _meanings(kind)
    for field in info.fields:
        if not _comes_from_file(field):
            continue
        key = f"{where}{field.encode_name}"
        inner = _without_metadata(field.type)
        group, suffix = _group(inner)
        yield Setting(
            key=key,
            kind=_words(inner),
            default=_default(field),
            meaning=meanings.get(field.name) or _first_sentence(group),
            at_start=is_read_at_start(field.type),
            is_group=group is not None,
        )
        if suffix == ".*" and group is not None:
            yield Setting(f"{key}.*", "group", None, _first_sentence(group), False, True)
        if group is not None:
            yield from describe(group, f"{key}{suffix}.")


def nearest(key: str, keys: Sequence[str]) -> str:
    """Return the one of `keys` that `key` may be a slip of, or an empty string."""
    return next(iter(difflib.get_close_matches(key, keys, n=1)), "")


def written(value: Any) -> str:
    """Return a value of a setting as it would be written in the file; a secret stays hidden."""
    if isinstance(value, Secret):
        return "***"
    if isinstance(value, Duration | Size):
        return value.written()
    if isinstance(value, str):
        return str(value) or '""'
    if isinstance(value, Struct):
        shown = {name: getattr(value, name) for name in value.__struct_fields__}
        return written(shown)
    if isinstance(value, dict):
        pairs = (f"{key}: {written(item)}" for key, item in cast("dict[Any, Any]", value).items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list | tuple):
        items = cast("Sequence[Any]", value)
        return "[" + ", ".join(written(item) for item in items) + "]"
    return msgspec.json.encode(value).decode()


def _comes_from_file(field: Field) -> bool:
    inner = _without_metadata(field.type)
    return not (isinstance(inner, CustomType) and inner.cls is Path)


def _without_metadata(kind: Type) -> Type:
    while isinstance(kind, Metadata):
        kind = kind.type
    return kind


def _group(kind: Type) -> tuple[type[Struct] | None, str]:
    """Return the struct within a field and what stands between the field's key and its members'."""
    if isinstance(kind, StructType):
        return kind.cls, ""
    if isinstance(kind, DictType):
        return _group(_without_metadata(kind.value_type))[0], ".*"
    if isinstance(kind, ListType):
        return _group(_without_metadata(kind.item_type))[0], "[]"
    if isinstance(kind, UnionType):
        found = (_group(_without_metadata(one)) for one in kind.types)
        return next((one for one in found if one[0] is not None), (None, ""))
    return None, ""


def _words(kind: Type) -> str:
    kind = _without_metadata(kind)
    if isinstance(kind, CustomType):
        return kind.cls.__name__.lower()
    if isinstance(kind, LiteralType):
        return ", ".join(str(one) for one in kind.values)
    if isinstance(kind, UnionType):
        return " or ".join(_words(one) for one in kind.types if not isinstance(one, NoneType))
    if isinstance(kind, ListType):
        return f"list of {_words(kind.item_type)}"
    if isinstance(kind, DictType):
        return f"{_words(kind.value_type)} by name"
    return _SIMPLE.get(type(kind), "text")


def _default(field: Field) -> str | None:
    if field.default is not NODEFAULT:
        return "none" if field.default is None else written(field.default)
    if field.default_factory is not NODEFAULT:
        return written(field.default_factory())
    return None


def _first_sentence(group: type[Struct] | None) -> str:
    return (inspect.getdoc(group) or "").partition("\n")[0] if group else ""


@cache
def _meanings(kind: type[Struct]) -> dict[str, str]:
    """Return the text beneath each field in the source of a struct, with those it inherits."""
    found = _meanings(base) if (base := kind.__base__) and base is not Struct and issubclass(base, Struct) else {}
    [tree] = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(tree, ast.ClassDef)  # noqa: S101  its source is that of a class
    for field, text in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
            found = {**found, field.target.id: " ".join(str(getattr(text.value, "value", "")).split())}
    return found
