# pyarrow ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportMissingTypeStubs=false
"""Memory that a load took and nobody needs any more."""

import ctypes

import pyarrow as pa


def give_back() -> None:
    """Return to the system what Arrow and the C library keep for the next load; it takes milliseconds.

    A load takes several times its events' size for a moment. Kept, that would be most of what an idle product holds.
    """
    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it, others need not
    if trim is not None:
        trim(0)
