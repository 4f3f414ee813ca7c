"""Runs one target in a process of its own, with an end to its memory and to each case's time."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from maquette.errors import MaquetteError
from tests.fuzzing.targets import TARGETS, Target

ROOT = Path(__file__).parents[2]
CASE_S = 20.0
MEMORY_MB = 3000
"""Beyond what libraries reserve for themselves. No case is larger than four megabytes."""


@dataclass
class Figures:
    """What a run of one target came to. ``refused``: by stable code; ``findings``: what should not have happened."""

    target: str
    cases: int = 0
    read: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    slowest_s: float = 0.0
    findings: list[dict[str, Any]] = field(default_factory=list)


class TooSlow(BaseException):
    """A case took longer than any may. No Exception, lest a reader takes it for damage."""


def try_case(target: Target, data: bytes, folder: Path) -> str:
    """The code that a case was refused with, "" where it was read. Whatever else it raises is a finding."""
    path = folder / f"case{target.suffix}"
    path.write_bytes(data)
    try:
        target.read(path)
    except MaquetteError as error:
        assert error.status < 500 or error.code in target.may_also, f"{error.code} has status {error.status}"
        assert error.message, "an error without words"
        json.dumps(error.as_dict()).encode()
        return error.code
    except target.refusals as error:
        return type(error).__name__
    return ""


def cases(target: Target, seed: int, first: int, folder: Path) -> Iterator[tuple[int, bytes]]:
    """Numbered spoilt files, each decided by seed and number alone. The seeds themselves come first."""
    seeds = target.seeds(folder)
    number = first
    while True:
        rng = random.Random(f"{target.name} {seed} {number}")
        data = seeds[number % len(seeds)]
        yield number, data if number < len(seeds) else target.mutate(rng, data)
        number += 1


def run_here(target: Target, seed: int, first: int, count: int, seconds: float, keep: Path | None) -> Figures:
    """Try ``count`` cases, or as many as ``seconds`` allow."""
    figures = Figures(target.name)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "seeds").mkdir()
        for number, data in cases(target, seed, first, folder / "seeds"):
            if figures.cases >= count or time.monotonic() - began > seconds:
                break
            if keep is not None:
                # A crash leaves no other word of what it was.
                (keep / f"{target.name}.current").write_bytes(data)
                (keep / f"{target.name}.number").write_text(str(number))
            start = time.monotonic()
            try:
                with alarm(CASE_S), contextlib.redirect_stdout(io.StringIO()):
                    code = try_case(target, data, folder)
            except TooSlow:
                _note(figures, target, number, "hang", f"more than {CASE_S:.0f} s", data, keep)
            except MemoryError:
                _note(figures, target, number, "memory", f"more than {MEMORY_MB} MB", data, keep)
            except Exception as error:
                where = traceback.extract_tb(error.__traceback__)[-1]
                ours = [one for one in traceback.extract_tb(error.__traceback__) if "maquette" in one.filename]
                last = ours[-1] if ours else where
                what = f"{type(error).__name__}: {error} at {Path(last.filename).name}:{last.lineno}"
                _note(figures, target, number, "exception", what[:300], data, keep)
            else:
                if code:
                    figures.refused[code] = figures.refused.get(code, 0) + 1
                else:
                    figures.read += 1
            figures.slowest_s = max(figures.slowest_s, time.monotonic() - start)
            figures.cases += 1
    figures.seconds = time.monotonic() - began
    return figures


@contextlib.contextmanager
def alarm(seconds: float) -> Iterator[None]:
    """Raise :class:`TooSlow` here when the time is over."""

    def ring(*_: object) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _note(figures: Figures, target: Target, number: int, kind: str, what: str, data: bytes, keep: Path | None) -> None:
    # One of each kind is enough to mend it.
    if any(one["what"] == what for one in figures.findings):
        return
    figures.findings.append({"number": number, "kind": kind, "what": what, "bytes": len(data)})
    if keep is not None:
        (keep / f"{target.name}-{number}{target.suffix}").write_bytes(data)


def run_apart(name: str, seed: int, count: int, seconds: float, keep: Path) -> Figures:
    """The same in processes of its own: one that dies or hangs in native code is a finding, and the next goes on."""
    whole = Figures(name)
    first, began = 0, time.monotonic()
    while whole.cases < count and time.monotonic() - began < seconds:
        order = [name, str(seed), str(first), str(count - whole.cases), str(seconds - (time.monotonic() - began))]
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.fuzzing.runs", *order, str(keep)],
            stdout=subprocess.PIPE,
            cwd=ROOT,
            # This checkout, whatever is installed.
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "backend"), str(ROOT)])},
            start_new_session=True,
        )
        try:
            out, _ = child.communicate(timeout=seconds + 3 * CASE_S)
            how = f"exit {child.returncode}"
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            out, how = child.communicate()[0], "hangs in native code"
        if child.returncode == 0:
            _add(whole, Figures(**json.loads(out)))
            break
        number = int((keep / f"{name}.number").read_text())
        whole.cases += number - first + 1
        data = (keep / f"{name}.current").read_bytes()
        (keep / f"{name}-{number}.crash").write_bytes(data)
        whole.findings.append({"number": number, "kind": "crash", "what": how, "bytes": len(data)})
        first = number + 1
    whole.seconds = round(time.monotonic() - began, 1)
    return whole


def _add(whole: Figures, part: Figures) -> None:
    whole.cases += part.cases
    whole.read += part.read
    whole.slowest_s = max(whole.slowest_s, part.slowest_s)
    whole.findings += part.findings
    for code, count in part.refused.items():
        whole.refused[code] = whole.refused.get(code, 0) + count


def main() -> None:
    """Run what the command line names and print the figures."""
    name, seed, first, count, seconds, keep = sys.argv[1:7]
    target = next(one for one in TARGETS if one.name == name)
    target.warm()
    used = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
    limit = used + MEMORY_MB * 1_000_000
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    out = os.dup(1)
    # What native code prints must not stand among the figures.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    figures = run_here(target, int(seed), int(first), int(count), float(seconds), Path(keep))
    os.write(out, json.dumps(asdict(figures)).encode())


if __name__ == "__main__":
    main()
