"""The thread behind the catalogue, over a real log."""

from contextlib import closing
from pathlib import Path

from tests.catalogue.making import event
from tests.fresh_state import fresh_state
from tests.running import poll_until
from trackway.catalogue.entries import CatalogueReader
from trackway.catalogue.service import catalogue_feed
from trackway.catalogue.store import Catalogue
from trackway.events.records import CLEAN_TOPICS, encode
from trackway.log.sqlite import SqliteLog


def test_events_before_and_after_a_restart_count_once(tmp_path: Path):
    engine = fresh_state(tmp_path / "state.db")
    with closing(SqliteLog(tmp_path / "clean", CLEAN_TOPICS)) as log, log.writer(0) as writer:
        writer.append({"events": [encode(event(members={"a": 1})), encode(event("", kind="identify"))]})
        for _ in range(2):
            catalogue = Catalogue(engine)
            service = catalogue_feed(catalogue, log)
            service.start()
            writer.append({"events": [encode(event(members={"a": 1}))]})
            head = log.heads("events")[0]
            poll_until(
                lambda catalogue=catalogue, head=head: catalogue.positions() == {0: head},
                what="all events entered",
                timeout_s=30,
            )
            service.stop()
        assert [(one.type, one.count) for one in CatalogueReader(engine).events()] == [("identify", 1), ("track", 3)]
        assert log.consumers("events")["catalogue"] == {0: head}
    engine.dispose()
