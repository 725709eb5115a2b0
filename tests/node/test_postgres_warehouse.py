"""The product with a PostgreSQL warehouse: it loads, it outlives the server's death, it is asked by name."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests import postgres
from tests.running import Trackway, start_trackway

pytestmark = pytest.mark.xdist_group("postgres")


def ask(trackway: Trackway, sql: str) -> list[dict[str, object]]:
    command = [str(Path(sys.executable).with_name("trackway")), "sql", "--warehouse", "pg", "--json", sql]
    done = subprocess.run(
        [*command, "--workspace", str(trackway.folder)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_it_loads_again_when_a_dead_server_is_back(tmp_path: Path):
    with postgres.running(durable=True) as cluster:
        warehouse = {"type": "postgres", "url": cluster.dsn(cluster.new_database()), "load_every": "50ms"}
        with start_trackway(tmp_path / "workspace", warehouses={"pg": warehouse}) as trackway:
            for number in range(3):
                assert (
                    trackway.post("/v1/track", {"userId": "u", "event": "Seen", "properties": {"n": number}}).status
                    == 200
                )
            count = "select count(*) from seen"
            trackway.wait_for(
                lambda: "seen" in str(ask(trackway, "select table_name from information_schema.tables")), what="a table"
            )
            trackway.wait_for(lambda: ask(trackway, count) == [{"count": 3}], what="the rows")
            cluster.kill()
            for number in range(3, 6):
                assert (
                    trackway.post("/v1/track", {"userId": "u", "event": "Seen", "properties": {"n": number}}).status
                    == 200
                )
            cluster.start()
            trackway.wait_for(lambda: ask(trackway, count) == [{"count": 6}], what="all rows", timeout_s=30)
            story = trackway.sql("select 1")  # the other warehouse answers, too
            assert story == [[1]]
            trackway.stop()
            assert ask(trackway, "select n from web.seen order by n") == [{"n": number} for number in range(6)]
