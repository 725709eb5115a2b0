"""Both kinds of tables: the one that msgspec decodes to, and the compiled one where there is one."""

from msgspec import Raw

from trackway.events.members import Members, Table

try:
    from trackway.events.compiled_members import Settler
except ImportError:  # tests/pipeline/test_compiled_way.py says what to do
    Settler = None


class Tables:
    """Members, in both kinds of tables."""

    def __init__(self, members: Members) -> None:
        self._read = Table(members).read
        self._settle = Settler(members) if Settler else self._read

    def all_fit(self, text: bytes) -> bool:
        """Tell whether both say yes to an object."""
        return self._read(text) is not None and self._settle(Raw(text)) is not None

    def any_fits(self, text: bytes) -> bool:
        """Tell whether one of them says yes."""
        return self._read(text) is not None or self._settle(Raw(text)) is not None
