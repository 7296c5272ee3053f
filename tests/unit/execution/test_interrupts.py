"""Ctrl+C waits where it would tear something apart, and is let through where it would not."""

import os
import signal
import threading

import pytest

from gradlab.execution import interrupts


def press() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_outside_it_is_a_ctrl_c_as_ever() -> None:
    with pytest.raises(KeyboardInterrupt):
        press()
    with pytest.raises(KeyboardInterrupt), interrupts.allowed():
        press()


def test_it_waits_for_the_end_of_the_block() -> None:
    done = []

    def work() -> None:
        with interrupts.held():
            press()
            done.append(1)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_one_goes_through() -> None:
    done = []

    def work() -> None:
        with interrupts.held():
            press()
            done.append(1)
            press()
            done.append(2)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == [1]


def test_it_comes_where_it_is_allowed_also_when_it_came_before() -> None:
    with interrupts.held():
        with pytest.raises(KeyboardInterrupt), interrupts.allowed():
            press()
        press()
        with pytest.raises(KeyboardInterrupt), interrupts.allowed():
            pytest.fail("it had come before")
        with interrupts.allowed():
            pass


def test_blocks_nest() -> None:
    reached = []

    def work() -> None:
        with interrupts.held():
            with interrupts.held():
                press()
                reached.append("inner")
            reached.append("outer")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert reached == ["inner", "outer"]


def test_where_it_is_ignored_it_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interrupts.held():
            press()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_another_thread_leaves_it_alone() -> None:
    seen = []

    def work() -> None:
        with interrupts.held(), interrupts.allowed():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]
