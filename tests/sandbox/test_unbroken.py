"""Ctrl-C while a process is being started."""

from __future__ import annotations

import signal
import subprocess

import pytest

from calsync.sandbox.stage import Stage


class Stopped(BaseException):
    """What Ctrl-C raises, as in the demo."""


def stop(_number, _frame):
    raise Stopped


@pytest.fixture
def pressed(monkeypatch):
    """Press Ctrl-C in the midst of whatever starts a process; collects the processes."""
    born: list[subprocess.Popen] = []
    start = subprocess.Popen._execute_child

    def interrupted(self, *arguments):
        start(self, *arguments)
        born.append(self)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(subprocess.Popen, "_execute_child", interrupted)
    before = signal.signal(signal.SIGINT, stop)
    yield born
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_while_a_process_is_being_started_leaves_none_behind(pressed, tmp_path):
    with pytest.raises(Stopped), Stage(tmp_path):
        pass
    assert [process.returncode is None for process in pressed] == [False]
