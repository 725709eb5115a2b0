"""What tests of the dedup index share: it is tried as it is compiled, and as it is where there was no compiler."""

import pytest

from tests.services import find_compiled
from trackway.pipeline import id_bucket, id_columns, id_filter, id_runs


@pytest.fixture(params=["compiled", "interpreted"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let the index work either way."""
    is_compiled = request.param == "compiled"
    module = find_compiled("trackway.pipeline.compiled_ids") if is_compiled else id_columns
    for user, names in ((id_runs, ("MemoryColumn", "FileColumn", "merge_columns")), (id_bucket, ("newest_with",))):
        for name in names:
            monkeypatch.setattr(user, name, getattr(module, name))
    for name in ("set_bits", "perhaps_set"):
        monkeypatch.setattr(id_filter, name, getattr(module, name) if is_compiled else None)
    return request.param
