"""A secret value that does not show itself."""

from typing import Any, Self


class Secret:
    """A text that prints as `***`; only `reveal` gives it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the secret itself, for the one place that sends it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    @classmethod
    def decode(cls, value: Any) -> Self:
        """Read a secret from a settings file, where `{env: …}` and `{file: …}` are already resolved to text."""
        if not isinstance(value, str):
            raise ValueError("a secret is {env: NAME}, {file: PATH} or text")
        return cls(value)
