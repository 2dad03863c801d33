"""scripts/bench: what calsync costs, beside the least that the same job can cost.

Every job is measured with calsync and with a floor (floors.py: Google's own Python library and SQLite) in the
same run, turn by turn, each time in a fresh process; figures are medians. The machine is never quiet, so look
at ratios of CPU time; wall time is given beside it.

JSON (--json): `cases`, each with `case`, `job`, `size`, `unit` ("event" or "pass"), `units` (how many the
figures were divided by), `repetitions`, `floor` and `calsync`, `ratio` {cpu, wall} of the two, `goal` (the
highest wanted `ratio.cpu`, or null) and `met`. In `floor` and `calsync`, per unit: `cpu_us` (user and system time
of the process, SQLite included), `cpu_us_range` (least, most), `wall_us`; for the whole job: `peak_mib` (the most
memory the process held), `google_calls`; in `calsync` also `sql_statements` per unit, and `sql_rows`: the same with
each row of a bulk statement counted. `comparisons` hold two sizes together: `memory_growth_mib` of a pull, and
`cpu_growth_ratio` of a pass that finds nothing. `quick`, `python`, `cpus`, `load` say under what conditions.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


def main() -> int:
    """Run what is asked for; 0 also when a goal is missed: one look at a busy machine proves nothing."""
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--json", metavar="FILE", nargs="?", const="-", help="write JSON; stdout without FILE"
    )
    parser.add_argument("--quick", action="store_true", help="tiny sizes, once: shows that it works, no more")
    parser.add_argument("--only", metavar="JOB[,JOB]", default="", help="pull, unchanged, push, change")
    parser.add_argument(
        "--rights", action="store_true", help="people's rights: kill switch, keys, export, erasure"
    )
    parser.add_argument("--sample", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.sample:
        return _sample(options.sample)
    return _rights(options) if options.rights else _bench(parser, options)


def _sample(text: str) -> int:
    from samples import load, take

    print(json.dumps(take(load(text))))
    return 0


def _rights(options: argparse.Namespace) -> int:
    from rights import measure, table

    rows = measure(options.quick, lambda text: print(text, file=sys.stderr))
    if options.json:
        text = json.dumps({"quick": options.quick, "rights": rows}, indent=1) + "\n"
        if options.json == "-":
            sys.stdout.write(text)
            return 0
        Path(options.json).write_text(text)
    print(table(rows))
    return 0


def _bench(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    from cases import CASES, QUICK, Bench, comparisons
    from standin import Google

    jobs = {case.job for case in CASES}
    wanted = set(options.only.split(",")) if options.only else jobs
    if wanted - jobs:
        parser.error(f"--only: {', '.join(sorted(wanted - jobs))}: the jobs are {', '.join(sorted(jobs))}")
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="calsync-bench-") as directory, Google() as google:
        bench = Bench(google, Path(directory))
        chosen = [case for case in (QUICK if options.quick else CASES) if case.job in wanted]
        results = [bench.run(case, lambda text: print(text, file=sys.stderr)) for case in chosen]
    document = {
        "quick": options.quick,
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
        "load": [round(load, 2), round(os.getloadavg()[0], 2)],
        "cases": results,
        "comparisons": comparisons(results),
    }
    _show(document, options.json)
    return 0


def _show(document: dict[str, Any], target: str | None) -> None:
    if target:
        text = json.dumps(document, indent=1)
        if target == "-":
            print(text)
            return
        Path(target).write_text(text + "\n")
    print(_table(document))


def _table(document: dict[str, Any]) -> str:
    lines = [f"{'':16}{'floor us':>12}{'calsync us':>12}{'CPU ratio':>11}{'wall':>7}{'goal':>6}"]
    for case in document["cases"]:
        floor, calsync, ratio = case["floor"], case["calsync"], case["ratio"]
        goal = f"{case['goal']:g}" if case["goal"] else "-"
        lines.append(
            f"{case['case']:16}{floor['cpu_us']:12.1f}{calsync['cpu_us']:12.1f}{ratio['cpu']:11.2f}"
            f"{ratio['wall']:7.2f}{goal:>6}  per {case['unit']}; {calsync['google_calls']} calls, "
            f"{calsync['sql_statements']:g} SQL, {calsync['peak_mib']:.0f} MiB"
        )
    for one in document["comparisons"]:
        sizes = " -> ".join(str(size) for size in one["sizes"])
        lines.append(f"{one['job']} {sizes}: {one['quantity']} {one['value']:g} (goal {one['goal']:g})")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
