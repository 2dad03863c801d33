"""Locks: one holder among all processes, and a holder that dies lets go."""

from __future__ import annotations

import subprocess
import sys

import pytest

from calsync.store.locks import Held, holding

HOLDER = """
import sys
from pathlib import Path
from calsync.store.locks import holding
with holding(Path(sys.argv[1]), "account-1", -1):
    print("held", flush=True)
    sys.stdin.read(1)
print("free", flush=True)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock account-1."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / "locks")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


def test_a_lock_that_another_process_holds_is_not_given(tmp_path, holder):
    with pytest.raises(Held, match="account-1"), holding(tmp_path / "locks", "account-1"):
        raise AssertionError("it was given")


def test_locks_of_other_names_are_independent(tmp_path, holder):
    with holding(tmp_path / "locks", "account-2"):
        pass


def test_a_lock_is_given_when_its_holder_is_done(tmp_path, holder):
    holder.stdin.write("!")
    holder.stdin.flush()
    with holding(tmp_path / "locks", "account-1", -1):
        assert holder.stdout.readline() == "free\n"


def test_who_waits_for_a_while_gets_a_lock_that_is_let_go_in_time(tmp_path, holder):
    holder.stdin.write("!")
    holder.stdin.flush()
    with holding(tmp_path / "locks", "account-1", 30):
        assert holder.stdout.readline() == "free\n"


def test_who_waits_in_vain_is_told_so(tmp_path, holder):
    with pytest.raises(Held, match="account-1"), holding(tmp_path / "locks", "account-1", 0.1):
        raise AssertionError("it was given")


def test_a_lock_outlives_the_directory_s_first_use_and_is_the_owner_s_alone(tmp_path):
    for _ in range(2):
        with holding(tmp_path / "locks", "account-1"):
            pass
        (file,) = (tmp_path / "locks").iterdir()
        assert file.stat().st_mode & 0o077 == 0


def test_a_holder_that_is_killed_lets_go(tmp_path, holder):
    holder.kill()
    holder.wait()
    with holding(tmp_path / "locks", "account-1"):
        pass


def test_two_threads_of_one_process_exclude_each_other_too(tmp_path):
    with (
        holding(tmp_path, "account-1"),
        pytest.raises(Held),
        holding(tmp_path, "account-1"),
    ):
        raise AssertionError("it was given twice")


def test_a_lock_is_let_go_when_an_exception_leaves_it(tmp_path):
    with pytest.raises(ZeroDivisionError), holding(tmp_path, "account-1"):
        raise ZeroDivisionError
    with holding(tmp_path, "account-1"):
        pass


def test_only_the_owner_may_enter_the_directory_of_locks(tmp_path):
    with holding(tmp_path / "locks", "account-1"):
        assert (tmp_path / "locks").stat().st_mode & 0o077 == 0
