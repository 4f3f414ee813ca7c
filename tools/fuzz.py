"""Spoils sound files in every way and hands them to each reader of bytes that users send: `python tools/fuzz.py`.

A reader may read a file or refuse it with an error of ours. Anything else is a finding: another exception, a case of
more than 20 s, of more than 3 GB, a process that dies. Each case is decided by the seed and its number; cases that
found something are kept in --keep. A small part of this runs with the tests: tests/fuzzing.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "backend")]

from tests.fuzzing.runs import run_apart  # noqa: E402
from tests.fuzzing.targets import TARGETS  # noqa: E402


def main() -> int:
    """Run them one after the other; 1 where anything was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", help="their names; none: all")
    parser.add_argument("--cases", type=int, default=2000, help="of each target")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each target, at most")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="where cases that found something go")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    asked = parser.parse_args()
    keep = asked.keep or Path(tempfile.mkdtemp(prefix="maquette-fuzz-"))
    keep.mkdir(parents=True, exist_ok=True)
    unknown = set(asked.targets) - {one.name for one in TARGETS}
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(one.name for one in TARGETS)}")
    everything = []
    print(f"{'target':26} {'cases':>7} {'read':>6} {'refused':>8} {'seconds':>8} {'slowest':>8}  findings")
    for target in TARGETS:
        if asked.targets and target.name not in asked.targets:
            continue
        told = run_apart(target.name, asked.seed, asked.cases, asked.seconds, keep)
        everything.append(told)
        refused = sum(told.refused.values())
        print(
            f"{told.target:26} {told.cases:7d} {told.read:6d} {refused:8d} {told.seconds:8.1f} {told.slowest_s:8.2f}"
            f"  {len(told.findings)}",
            flush=True,
        )
        for finding in told.findings:
            print(f"    case {finding['number']}: {finding['kind']}: {finding['what']}", flush=True)
    if asked.json:
        asked.json.write_text(json.dumps([asdict(one) for one in everything], indent=1))
    found = sum(len(one.findings) for one in everything)
    print(f"{sum(one.cases for one in everything)} cases, {found} findings; cases that found something: {keep}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
