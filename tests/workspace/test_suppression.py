from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

from trackway.workspace.suppression import change_suppression, suppressed_users, suppression_file


def test_the_last_change_of_an_id_counts(tmp_path: Path):
    data = tmp_path / "data"
    assert suppressed_users(data) == {}
    assert change_suppression(data, ["u-1", "u-2", "u-1"], suppressed=True) == ["u-1", "u-2"]
    assert change_suppression(data, ["u-2", "u-3"], suppressed=True) == ["u-3"]
    assert change_suppression(data, ["u-1", "u-9"], suppressed=False) == ["u-1"]
    assert list(suppressed_users(data)) == ["u-2", "u-3"]
    assert change_suppression(data, ["u-1"], suppressed=True) == ["u-1"]
    assert list(suppressed_users(data)) == ["u-2", "u-3", "u-1"]


def test_a_torn_line_costs_nobody_else(tmp_path: Path):
    change_suppression(tmp_path, ["u-1", "ü\n2"], suppressed=True)
    with suppression_file(tmp_path).open("ab") as file:
        file.write(b'{"userId":"u-3","supp')
    assert list(suppressed_users(tmp_path)) == ["u-1", "ü\n2"]
    change_suppression(tmp_path, ["u-4"], suppressed=True)
    assert list(suppressed_users(tmp_path)) == ["u-1", "ü\n2", "u-4"]


def test_writers_at_the_same_time_add_everybody_once(tmp_path: Path):
    users = [f"u-{number}" for number in range(40)]
    start = Barrier(4)

    def add(_: int) -> list[str]:
        start.wait(30)
        return [added for user in users for added in change_suppression(tmp_path, [user], suppressed=True)]

    with ThreadPoolExecutor(4) as pool:
        added = [user for one in pool.map(add, range(4)) for user in one]
    assert sorted(added) == sorted(users)
    assert len(suppression_file(tmp_path).read_bytes().splitlines()) == len(users)
    assert suppressed_users(tmp_path).keys() == set(users)
