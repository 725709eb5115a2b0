"""FQL in settings: checked when the file is read, so that a filter that cannot work never lets an event through."""

from typing import Any, Self

from trackway.events import fql


class Query(str):
    """An FQL query that is known to compile."""

    __slots__ = ()

    @classmethod
    def decode(cls, value: Any) -> Self:
        """Read a query; ValueError points at the character that is wrong."""
        if not isinstance(value, str):
            raise ValueError(f"write a query in quotes, such as \"type = 'track'\", not {value!r}")
        try:
            fql.parse(value)
        except fql.FqlError as error:
            raise ValueError(str(error)) from None
        return cls(value)

    def compile(self) -> fql.Filter:
        """Return the filter."""
        return fql.compile(self)


class FieldPath(str):
    """A path of keys with dots, such as `properties.card.number`; a dot within a key is written `\\.`."""

    __slots__ = ()

    @classmethod
    def decode(cls, value: Any) -> Self:
        """Read a path; ValueError says what is wrong."""
        if not isinstance(value, str):
            raise ValueError(f"write a path such as properties.email, not {value!r}")
        fql.parse_path(value)
        return cls(value)

    @property
    def keys(self) -> tuple[str, ...]:
        """Its keys, outermost first."""
        return fql.parse_path(self)
