"""Places by address."""

from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.mmdb import write_mmdb
from trackway.errors import TrackwayError
from trackway.pipeline.geo import GeoFile

LYON: dict[str, Any] = {
    "city": {"names": {"de": "Lyon", "en": "Lyon"}},
    "country": {"iso_code": "FR", "names": {"de": "Frankreich", "en": "France"}},
    "location": {"latitude": 45.75, "longitude": 4.85, "accuracy_radius": 20},
    "subdivisions": [{"iso_code": "ARA", "names": {"en": "Auvergne-Rhône-Alpes"}}, {"iso_code": "69"}],
}


def test_a_place_has_segments_names(tmp_path: Path):
    geo = GeoFile(
        write_mmdb(tmp_path / "c.mmdb", {"203.0.113.0/24": LYON, "2001:db8::/32": {"country": LYON["country"]}})
    )
    assert geo.locate("203.0.113.77") == {
        "city": "Lyon",
        "region": "Auvergne-Rhône-Alpes",
        "country": "France",
        "countryCode": "FR",
        "latitude": 45.75,
        "longitude": 4.85,
    }
    assert geo.locate("2001:db8::1") == {"country": "France", "countryCode": "FR"}
    assert [geo.locate(ip) for ip in ("203.0.114.1", "0.0.0.0", "nonsense", "", "203.0.113.77\0")] == [None] * 5


@pytest.mark.parametrize(
    "entry",
    [
        {}, {"country": "FR"}, {"city": {"names": ["Lyon"]}}, {"subdivisions": []}, {"city": {"names": {"de": "Köln"}}},
        {"city": [], "subdivisions": "FR", "country": 7, "location": True},
        {"city": {"names": {"en": 7}}, "subdivisions": {"names": {"en": "Lyon"}}, "location": [1.5]},
        {"subdivisions": ["FR"], "country": {"names": "FR"}, "location": {}},
    ],
)  # fmt: skip
def test_an_entry_of_another_shape_gives_no_place(tmp_path: Path, entry: dict[str, Any]):
    assert GeoFile(write_mmdb(tmp_path / "c.mmdb", {"1.0.0.0/8": entry})).locate("1.2.3.4") is None


def test_a_file_that_is_none_is_named(tmp_path: Path):
    (tmp_path / "c.mmdb").write_bytes(b"no such format" * 100)
    with pytest.raises(TrackwayError, match=r"pipeline\.geo_file: .*c\.mmdb cannot be read"):
        GeoFile(tmp_path / "c.mmdb")
    with pytest.raises(TrackwayError, match=r"missing\.mmdb cannot be read: No such file or directory\. It must be"):
        GeoFile(tmp_path / "missing.mmdb")
