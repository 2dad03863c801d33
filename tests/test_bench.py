"""scripts/bench: it runs, and says what it promises. Counts are checked, times never."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[1] / "scripts" / "bench"


def bench(*arguments):
    return subprocess.run(
        [BENCH, *arguments],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    target = tmp_path_factory.mktemp("bench") / "figures.json"
    done = bench("--quick", "--json", str(target))
    assert done.returncode == 0, done.stderr
    return json.loads(target.read_text()), done.stdout


def case(quick, name):
    return next(one for one in quick[0]["cases"] if one["case"] == name)


def test_every_job_is_measured_beside_its_floor(quick):
    document, _ = quick
    assert [one["job"] for one in document["cases"]] == [
        "pull",
        "pull",
        "unchanged",
        "unchanged",
        "push",
        "change",
    ]
    for one in document["cases"]:
        assert one["ratio"]["cpu"] == pytest.approx(
            one["calsync"]["cpu_us"] / one["floor"]["cpu_us"], rel=0.01
        )
        assert (
            min(one[who][name] for who in ("floor", "calsync") for name in ("cpu_us", "wall_us", "peak_mib"))
            > 0
        )
        assert one["met"] == (None if one["goal"] is None else one["ratio"]["cpu"] <= one["goal"])


def test_growth_of_memory_and_of_an_idle_pass_is_given_for_two_sizes(quick):
    found = {one["quantity"]: one["sizes"] for one in quick[0]["comparisons"]}
    assert found == {"memory_growth_mib": [200, 600], "cpu_growth_ratio": [50, 200]}


def test_a_first_import_lists_once_and_needs_no_statement_for_each_event(quick):
    one = case(quick, "pull 600")
    assert one["calsync"]["google_calls"] == one["floor"]["google_calls"] == 1
    assert one["calsync"]["sql_statements"] < 0.5


def test_an_unchanged_account_costs_one_call_and_as_many_statements_however_many_links_there_are(quick):
    few, many = case(quick, "unchanged 50"), case(quick, "unchanged 200")
    assert few["calsync"]["google_calls"] == many["calsync"]["google_calls"] == few["units"]
    assert few["calsync"]["sql_statements"] == many["calsync"]["sql_statements"] <= 10
    assert few["calsync"]["sql_rows"] == many["calsync"]["sql_rows"]


def test_a_push_costs_one_call_for_each_change_and_one_look(quick):
    one = case(quick, "push 40")
    assert one["floor"]["google_calls"] == 40
    assert one["calsync"]["google_calls"] == 41


def test_the_table_names_every_case(quick):
    document, shown = quick
    for one in document["cases"]:
        assert one["case"] in shown


def test_an_unknown_job_is_a_usage_error_that_names_those_there_are():
    done = bench("--only", "pulling")
    assert done.returncode == 2
    assert "pull, push, unchanged" in done.stderr


def test_one_job_can_be_chosen_and_json_goes_to_stdout_without_a_file():
    done = bench("--quick", "--only", "push", "--json")
    assert done.returncode == 0, done.stderr
    assert [one["case"] for one in json.loads(done.stdout)["cases"]] == ["push 40"]
