from trackway.events.clock_skew import SECONDS, parse_ms
from trackway.events.memo import Memo


def test_what_was_asked_before_is_not_asked_again():
    asked: list[str] = []

    def answer(text: str) -> int:
        asked.append(text)
        return len(text)

    memo = Memo(answer, most=2, longest=3)
    known = memo.known
    assert [memo[text] for text in ("a", "bb", "a", "long one", "long one")] == [1, 2, 1, 8, 8]
    assert asked == ["a", "bb", "long one", "long one"]
    assert known == {"a": 1, "bb": 2}
    assert memo["ccc"] == 3
    assert known == {"ccc": 3}, "it begins anew when it is full, in the same dictionary"


def test_a_time_of_any_length_is_read_but_not_remembered():
    assert parse_ms("2026-11-20T10:00:00.250Z") == 1_795_168_800_250
    for odd in ("x" * 100_000 + ".250Z", "2026-11-20T10:00:00Z.250Z", "2026-11-20.250Z", ".250Z", "250Z", "."):
        assert parse_ms(odd) is None
    assert all(len(text) <= 19 for text in SECONDS)


def test_what_another_thread_forgets_meanwhile_is_asked_again():
    class Forgetful(dict[int, int]):
        """Stands for a dictionary that is emptied right after it was looked into."""

        def __getitem__(self, key: int) -> int:
            raise KeyError(key)

    memo = Memo(lambda number: number + 1)
    memo.known = Forgetful({1: 2})
    assert memo[1] == 2
