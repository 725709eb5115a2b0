"""Values on their way to a vendor: turned into the wanted type, or refused with a sentence that says why.

None means absent in, and absent out.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, cast

import msgspec

Json = dict[str, Any]
_encode = msgspec.json.Encoder().encode


class _Null:
    """A null that is to be sent, where None means that nothing is."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "NULL"


NULL: Final = _Null()


class Unfit(ValueError):
    """A value cannot be what its field asks for."""


class Missing(ValueError):
    """A field without which the vendor takes nothing is absent; the argument is its name."""


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_EARLIEST_MS, _LATEST_MS = -62_135_596_800_000, 253_402_300_799_999
"""The first millisecond of the year 1 and the last of the year 9999."""


def shown(value: Any) -> str:
    """Return what kind of thing `value` is, in a user's words."""
    for kind, words in ((str, "text"), (bool, "true or false"), (int | float, "a number"), (dict, "an object")):
        if isinstance(value, kind):
            return words
    return "nothing" if value is None else "a list"


def as_text(value: Any) -> str | None:
    """Return text; numbers and booleans as JSON writes them, whole ones without a point; `""` is absent.

    Raises:
        Unfit: it is an object or a list of several.
    """
    if type(value) is str:
        return value or None
    if value is None or value is NULL:
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e21 else repr(value)
    if isinstance(value, int):
        return str(value)
    return as_text(_alone(value, "text"))


def as_number(value: Any) -> int | float | None:
    """Return a number; text that is one is read, `""` is absent.

    Raises:
        Unfit: it is not one.
    """
    if isinstance(value, bool):
        return int(value)
    if value is None or value is NULL or isinstance(value, int | float):
        return value
    if isinstance(value, str):
        return None if value == "" else read_number(value)
    return as_number(_alone(value, "a number"))


def as_whole(value: Any) -> int | None:
    """Return a whole number, like `as_number`."""
    found = as_number(value)
    if isinstance(found, float):
        if not found.is_integer():
            raise Unfit("must be a whole number")
        return int(found)
    return found


def as_flag(value: Any) -> bool | None:
    """Return true or false; 1, 0, `"true"` and `"false"` are read, `""` is absent.

    Raises:
        Unfit: it is neither.
    """
    if value is None or value is NULL or isinstance(value, bool):
        return value
    if value == "":
        return None
    if isinstance(value, str | int | float):
        if value not in ("true", "false", 0, 1):
            raise Unfit("must be true or false")
        return value in ("true", 1)
    return as_flag(_alone(value, "true or false"))


def as_time(value: Any) -> Any:
    """Return a point in time as it came, text or number; `""` is absent.

    Raises:
        Unfit: it cannot be read as one.
    """
    if value is None or value == "" or value is NULL:
        return None
    if epoch_ms(value) is None:
        raise Unfit("must be a date and time such as 2026-11-20T10:00:00Z")
    return value


def as_object(value: Any) -> Json | None:
    """Return an object.

    Raises:
        Unfit: it is something else.
    """
    if value is None or value is NULL or isinstance(value, dict):
        return cast("Json | None", value)
    if value == "":
        return None
    raise Unfit(f"must be an object, but is {shown(value)}")


def as_list(value: Any) -> list[Any] | None:
    """Return a list; anything else becomes a list of itself alone."""
    if value is None or value is NULL or isinstance(value, list):
        return cast("list[Any] | None", value)
    return [value]


def as_texts(value: Any) -> list[str] | None:
    """Return a list of texts; anything else becomes a list of itself alone.

    Raises:
        Unfit: one of them is no text.
    """
    found = as_list(value)
    return None if found is None else [text for one in found if (text := as_text(one)) is not None]


def _alone(value: Any, wanted: str) -> Any:
    if isinstance(value, list) and len(cast("list[Any]", value)) == 1:
        return cast("list[Any]", value)[0]
    raise Unfit(f"must be {wanted}, but is {shown(value)}")


def read_number(text: str) -> int | float:
    """Return the number that a text is.

    Raises:
        Unfit: it is none.
    """
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise Unfit("must be a number, but is other text")
    return number


def epoch_ms(value: Any) -> int | None:
    """Return a point in time in milliseconds since 1970, or None when it cannot be read.

    Text is ISO 8601 (without a zone: UTC) or digits; a number is milliseconds, or seconds if it is below 100 thousand
    million.
    """
    if isinstance(value, str):
        if (ms := iso_ms(value)) is not None:
            return ms
        value = _digits(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        ms = round(value) if abs(value) >= 1e11 else round(value * 1000)
        return ms if _EARLIEST_MS <= ms <= _LATEST_MS else None
    return None


def epoch_s(value: Any) -> int | None:
    """Return a point in time in whole seconds since 1970, or None when it cannot be read; see `epoch_ms`."""
    ms = epoch_ms(value)
    return None if ms is None else ms // 1000


def iso(value: Any) -> str | None:
    """Return a point in time as `2026-11-20T10:00:00.250Z`, or None when it cannot be read; see `epoch_ms`."""
    ms = epoch_ms(value)
    if ms is None:
        return None
    return (_EPOCH + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def iso_day(value: Any) -> str | None:
    """Return the UTC day of a point in time as `2026-11-20`, or None when it cannot be read; see `epoch_ms`."""
    found = iso(value)
    return found and found[:10]


@lru_cache(maxsize=4)  # One event asks several times for the same.
def iso_ms(text: str) -> int | None:
    """Return ISO 8601 in milliseconds since 1970, or None when it is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) // _MS


def _digits(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def filled(value: Any) -> str:
    """Return what stands for a value in a template's hole; what is absent leaves nothing behind."""
    return value if type(value) is str else "" if value is None else spoken(value)


def spoken(value: Any) -> str:
    """Return a value as it reads within a text: numbers and booleans as in JSON, objects and lists as JSON text."""
    if isinstance(value, dict | list):
        return _encode(value).decode()
    return as_text(value) or ""


def without(value: Any, names: frozenset[str]) -> Any:
    """Return an object without the members `names`; the same object if it has none of them."""
    members: Json = value
    if not isinstance(value, dict):
        return None
    if names.isdisjoint(members):
        return members
    return {name: member for name, member in members.items() if name not in names}


def only(value: Any, names: Iterable[str]) -> Any:
    """Return an object with no other members than `names`, in that order."""
    if not isinstance(value, dict):
        return None
    members = cast("Json", value)
    return {name: members[name] for name in names if name in members}


def flatten(value: Any, separator: str = ".", *, lists: bool = True) -> Json | None:
    """Return an object with no object within it: `{"a": {"b": 1}}` becomes `{"a.b": 1}`; lists too, by index."""
    if not isinstance(value, dict):
        return None
    flat: Json = {}
    _flatten(cast("Json", value), "", separator, lists, flat)
    return flat


def _flatten(value: Any, name: str, separator: str, lists: bool, flat: Json) -> None:
    members: Iterable[tuple[Any, Any]]
    if isinstance(value, dict):
        members = cast("Json", value).items()
    elif lists and isinstance(value, list):
        members = enumerate(cast("list[Any]", value))
    else:
        flat[name] = value
        return
    for key, member in members:
        _flatten(member, f"{name}{separator}{key}" if name else str(key), separator, lists, flat)


def merge(*objects: Any) -> Json:
    """Return one object with the members of all; the last one wins."""
    merged: Json = {}
    for one in objects:
        if isinstance(one, dict):
            merged.update(cast("Json", one))
    return merged


def without_nulls(value: Any) -> Any:
    """Return a value whose objects, to any depth, have no member that is null."""
    if isinstance(value, dict):
        return {k: without_nulls(v) for k, v in cast("Json", value).items() if v is not None}
    return value


def shape(value: Any, members: Mapping[str, Callable[[Any], Any]], *, others: bool) -> Any:
    """Return an object with each known member turned into its type, absent ones left out.

    Raises:
        Unfit: a member is not what it must be, or the whole is no object.
    """
    found = as_object(value)
    if not isinstance(found, dict):
        return found
    made: Json = {}
    for name, member in found.items():
        turn = members.get(name)
        if turn is None:
            if others:
                made[name] = member
        elif member is not None:
            try:
                turned = turn(member)
            except Unfit as error:
                raise Unfit(f"{name} {error}") from None
            if turned is not None:
                made[name] = turned
    return made


def encode_json(value: Any) -> str:
    """Return a value as JSON text."""
    return _encode(value).decode()


def replace(value: Any, pairs: Sequence[tuple[str, str]], *, ignore_case: bool, every: bool) -> str:
    """Return a text in which plain words are replaced by others, one pair after the other."""
    text = value if isinstance(value, str) else "" if isinstance(value, dict | list) else as_text(value) or ""
    for word, other in pairs:
        flags = re.IGNORECASE if ignore_case else re.NOFLAG
        text = re.sub(re.escape(word), lambda _, other=other: other, text, count=0 if every else 1, flags=flags)
    return text
