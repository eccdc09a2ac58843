"""Ctrl-C: the handler sets flags, and another thread announces it."""

import os
import signal
import threading
import time

import pytest

from fabfile.fleet.interrupt import Interrupt


def test_the_announcement_is_printed_once_by_another_thread() -> None:
    said: list[tuple[str, int]] = []
    interrupt = Interrupt(lambda text: said.append((text, threading.get_ident())))
    with interrupt.listening():
        assert not interrupt.cancelled()
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupt.cancelled()
    [(text, thread)] = said
    assert text.startswith("stopping: each host finishes its current step")
    assert thread != threading.get_ident()


def test_a_run_without_interrupt_announces_nothing_and_restores_the_handler() -> None:
    before = signal.getsignal(signal.SIGINT)
    said: list[str] = []
    with Interrupt(said.append).listening():
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before
    assert said == []


def test_an_interrupt_in_the_middle_of_printing_does_not_print(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """A handler that prints raises "reentrant call" if the main thread is printing."""
    interrupt = Interrupt(lambda text: print(text, flush=True))
    pid = os.getpid()
    ended = threading.Event()

    def press() -> None:
        time.sleep(0.05)
        os.kill(pid, signal.SIGINT)
        time.sleep(0.05)
        ended.set()

    with interrupt.listening():
        threading.Thread(target=press).start()
        while not ended.is_set():
            print("x" * 2000, flush=True)
    assert "stopping" in capfd.readouterr().out
