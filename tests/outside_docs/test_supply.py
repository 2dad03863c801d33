"""What a release is made of can be told and checked without a network."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / "scripts" / "supply.d"


def run(tool, *arguments):
    command = [sys.executable, str(TOOLS / f"{tool}.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture(scope="module")
def bill():
    done = run("sbom")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_bill_names_every_locked_package_with_version_and_hashes(bill):
    locked = [line for line in (ROOT / "requirements.lock").read_text().splitlines() if "==" in line]
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert len(bill["components"]) == len(locked)
    assert all(
        one["version"] and one["hashes"] and one["purl"].startswith("pkg:pypi/") for one in bill["components"]
    )
    assert {"sqlalchemy", "cryptography", "icalendar"} <= {one["name"] for one in bill["components"]}


def test_dependencies_refer_to_what_is_there(bill):
    known = {one["bom-ref"] for one in bill["components"]} | {"calsync"}
    direct = next(one for one in bill["dependencies"] if one["ref"] == "calsync")
    assert len(direct["dependsOn"]) >= 20
    for one in bill["dependencies"]:
        assert {one["ref"], *one["dependsOn"]} <= known


def test_the_same_lock_gives_the_same_bill(tmp_path, bill):
    assert run("sbom", "--out", tmp_path / "bom.json").returncode == 0
    assert json.loads((tmp_path / "bom.json").read_text()) == bill


@pytest.mark.parametrize("form", ["list", "lines"])
def test_a_known_weakness_of_a_locked_version_is_found(tmp_path, bill, form):
    chosen = next(one for one in bill["components"] if one["name"] == "requests")
    weak = {
        "id": "OSV-1",
        "summary": "made up",
        "affected": [{"package": {"ecosystem": "PyPI", "name": "Requests"}, "versions": [chosen["version"]]}],
    }
    other = {
        "id": "OSV-2",
        "affected": [{"package": {"ecosystem": "npm", "name": "requests"}, "versions": ["1"]}],
    }
    file = tmp_path / "advisories.json"
    text = json.dumps([weak, other]) if form == "list" else f"{json.dumps(weak)}\n{json.dumps(other)}\n"
    file.write_text(text)
    done = run("audit", "--offline", "--advisories", file)
    assert done.returncode == 1
    assert f"requests {chosen['version']}: OSV-1: made up" in done.stdout
    assert "OSV-2" not in done.stdout


def test_everything_is_pinned_and_in_the_lock():
    said = run("audit", "--offline").stdout
    assert "has no hash" not in said
    assert "is not in requirements.lock" not in said


def test_no_script_names_a_host():
    for file in [
        *TOOLS.glob("*.py"),
        ROOT / "scripts" / "sbom",
        ROOT / "scripts" / "audit",
        ROOT / "SECURITY.md",
    ]:
        text = file.read_text()
        assert not re.findall(r"\w+://(?!127\.0\.0\.1)[^\s\"'`]+", text), file.name
