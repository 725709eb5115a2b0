"""Ctrl-C asks once, and interrupts when it comes again."""

import signal
import threading

import pytest

from trackway.cli.interrupts import interrupts


def test_the_first_is_asked_for_and_the_second_interrupts():
    before = signal.getsignal(signal.SIGINT)
    with interrupts() as asked:
        assert not asked.is_set()
        signal.raise_signal(signal.SIGINT)
        assert asked.wait(60)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_one_is_heard_where_an_exception_would_be_passed_over():
    class Finalized:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGINT)

    with interrupts() as asked:
        Finalized()
        assert asked.wait(60)


def test_other_threads_have_no_signals():
    found: list[bool] = []

    def use() -> None:
        with interrupts() as asked:
            found.append(asked.is_set())

    thread = threading.Thread(target=use)
    thread.start()
    thread.join(60)
    assert found == [False]
