"""docs/catalogue.md says what is so."""

import re
from pathlib import Path

from trackway.catalogue import model, shapes, sharing, store
from trackway.catalogue.findings import CODES
from trackway.events.personal_fields import LEVELS

PAGE = (Path(__file__).parents[2] / "docs" / "catalogue.md").read_text("utf-8")


def test_every_finding_is_listed():
    table = PAGE.split("| code | when |", 1)[1].split("\n\n", 1)[0]
    codes = re.findall(r"`([a-z_]+)`", "".join(line.split("|")[1] for line in table.splitlines()[2:]))
    assert codes == list(CODES)


def test_the_bounds_are_those_of_the_code():
    for bound in (model.MAX_NAMES, model.MAX_SOURCE_PATHS, shapes.MAX_PATHS, store.MAX_FINDINGS):
        assert f" {bound:,} " in PAGE.replace("\n", " "), bound
    assert (shapes.MAX_DEPTH, shapes.MAX_ITEMS, shapes.MAX_SAMPLES, shapes.SHOWN_FROM) == (8, 100, 12, 5)
    assert sharing.MAX_SAMPLE_CHARS == 32
    assert (shapes.looked_at(100), shapes.looked_at(116)) == (100, 101)


def test_every_kind_of_personal_data_is_listed():
    page = (Path(__file__).parents[2] / "docs" / "privacy.md").read_text("utf-8")
    table = page.split("| level | kinds |", 1)[1].split("\n\n", 1)[0]
    rows = [line.split("|") for line in table.splitlines()[2:]]
    listed = {kind.strip(): row[1].strip() for row in rows for kind in row[2].split(",")}
    assert listed == LEVELS
