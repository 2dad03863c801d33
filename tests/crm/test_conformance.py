"""The kit that adapters pass: it is content with the built-in CRM, and finds every fault that is planted."""

from __future__ import annotations

import pytest

from calsync.crm.conformance import CHECKS, Verdict, examine
from tests.crm import faults
from tests.crm.conftest import Office

NAMES = [check.__name__ for check in CHECKS]


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    made = Office(tmp_path_factory.mktemp("conformance"))
    yield made
    made.close()


def failures(results):
    return {result.check: result.cause for result in results if result.verdict is Verdict.FAILED}


def test_the_built_in_crm_passes_and_nothing_is_left(shared):
    results = list(examine(shared.parts.crm, "fay", "cleo", shared.clock()))
    assert failures(results) == {}
    skipped = [result.check for result in results if result.verdict is Verdict.SKIPPED]
    assert skipped == ["what_is_foretold_is_shown", "series_are_refused_where_there_are_no_rules"]
    assert shared.crm_events("fay") == []
    assert shared.crm_events("cleo") == []


def test_every_check_has_a_fault_to_find_and_a_promise_to_tell():
    assert set(faults.SIDES) | set(faults.BACKENDS) == set(NAMES)
    assert len(set(NAMES)) == len(NAMES)
    assert all(check.__doc__ for check in CHECKS)


@pytest.mark.parametrize("check", NAMES)
def test_a_fault_is_found_by_the_check_that_is_about_it(tmp_path, check):
    office = Office(tmp_path)
    try:
        backend = faults.faulty(office.parts.crm, check)
        needed = {"create_answers_with_what_is_stored"} if check == "nothing_is_left_behind" else set()
        found = failures(examine(backend, "fay", "cleo", office.clock(), frozenset({check, *needed})))
        assert set(found) == {check}
        assert found[check]
    finally:
        office.close()


def test_without_a_second_person_what_needs_one_is_skipped(shared):
    results = {each.check: each for each in examine(shared.parts.crm, "fay", None, shared.clock())}
    assert results["what_another_keeps_private_has_no_content"].verdict is Verdict.SKIPPED
    assert failures(results.values()) == {}
