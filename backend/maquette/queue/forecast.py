"""When a run starts and when it is done: the line played through with the times that earlier runs took.

Workers take the first run in line that they serve, whose project has nothing else at work and whose back-off is over.
Where a time is needed that no earlier run tells, all that depends on it stays unknown.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from heapq import heappop, heappush
from math import inf, isfinite
from typing import Any, Literal
from uuid import UUID

from maquette.db import history, queue, workers
from maquette.db.history import NO_HISTORY, Expected, expect
from maquette.db.rows import Connection, Row

WaitsFor = Literal["another_attempt", "project", "worker", "turn"]
LEAST_PERCENT_FOR_PACE = 2.0
"""Under this a run's own pace says nothing yet."""
ASSUMED_WORKER: Row = {"queues": ["gpu", "cpu"], "concurrency": 1}
"""Whom times are reckoned with where no worker lives."""


@dataclass(frozen=True)
class Left:
    """Seconds until a run is done, half of the time and nine times in ten; None where unknown."""

    p50_s: float | None
    p90_s: float | None
    note: str


@dataclass(frozen=True)
class Outlook:
    """What lies before an unfinished run. ``starts_in_s``: None for one at work, and where it is unknown."""

    position: int
    starts_in_s: float | None
    left: Left
    waits_for: WaitsFor | None = None
    waits_note: str = ""


@dataclass
class _Slot:
    """One of the runs that a worker carries at the same time."""

    queues: frozenset[str]
    free_in_s: float = 0.0


@dataclass(frozen=True)
class Forecast:
    """The whole line at one moment. ``line``: everybody's runs as :func:`maquette.db.queue.line` gives them.

    ``slots``: how many runs can be at work at the same time, by the workers that live.
    """

    line: tuple[Row, ...]
    slots: int
    outlooks: Mapping[UUID, Outlook]


async def look_ahead(conn: Connection, newcomer: Row | None = None) -> Forecast:
    """The line as it is, or as it would be with one more run, which needs the columns that the line has."""
    rows = await queue.line(conn)
    if newcomer is not None:
        rows = _joined(rows, newcomer)
    earlier = await history.samples(conn, (row["workload"] for row in rows))
    return forecast(rows, await workers.alive(conn), earlier)


def forecast(line: Sequence[Row], alive: Sequence[Row], earlier: Mapping[str, Sequence[Mapping[str, Any]]]) -> Forecast:
    """Play the line through. ``alive``: workers that live; ``earlier``: samples by workload."""
    known: dict[tuple[str, float], Expected] = {}
    for row in line:
        kind = row["workload"], row["size"]
        if kind not in known:
            known[kind] = expect(earlier.get(row["workload"], ()), row["size"])
    left = {row["id"]: time_left(row, known[row["workload"], row["size"]]) for row in line}
    starts = _starts(
        line, _slots(alive or [ASSUMED_WORKER]), {run_id: _or_never(one.p50_s) for run_id, one in left.items()}
    )
    waits = _waits(line, alive)
    outlooks = {}
    for row in line:
        run_id = row["id"]
        if row["status"] == "running":
            outlooks[run_id] = Outlook(0, None, left[run_id])
        else:
            start = starts.get(run_id, inf)
            starts_in_s = start if isfinite(start) else None
            outlooks[run_id] = Outlook(row["position"], starts_in_s, _later(left[run_id], starts_in_s), *waits[run_id])
    return Forecast(tuple(line), len(_slots(alive)), outlooks)


def time_left(run: Mapping[str, Any], expected: Expected) -> Left:
    """Seconds of work that are left of a run, from its start where it waits.

    With ``p`` of it done after ``e`` seconds and an expected total ``H``, the total is judged as ``(1 - p) H + e``:
    all by history at first, all by its own pace ``e / p`` at the end. An attempt that is not the first has no pace of
    its own: it skips what was finished before, and its clock began with the first.
    """
    done = min(max(run["progress_percentage"] / 100, 0.0), 1.0)
    h50, h90 = expected.seconds_p50, expected.seconds_p90
    paced = run["status"] == "running" and run["attempt"] == 1 and run["continues_id"] is None
    if not paced:
        shorter = "; it goes on from what was finished before" if run["continues_id"] or run["attempt"] else ""
        if h50 is None:
            return Left(None, None, NO_HISTORY)
        return Left((1 - done) * h50, None if h90 is None else (1 - done) * h90, expected.note + shorter)
    elapsed = run["elapsed_s"] or 0.0
    has_pace = run["progress_percentage"] >= LEAST_PERCENT_FOR_PACE
    if h50 is None:
        if not has_pace:
            return Left(None, None, NO_HISTORY)
        return Left(elapsed * (1 - done) / done, None, "by this run's own pace so far")
    p50 = (1 - done) * ((1 - done) * h50 + elapsed)
    p90 = None if h90 is None else (1 - done) * ((1 - done) * h90 + elapsed)
    return Left(
        p50, p90, f"by this run's own pace and {expected.note.removeprefix('by ')}" if has_pace else expected.note
    )


def _later(left: Left, starts_in_s: float | None) -> Left:
    """Until a waiting run is done."""
    if left.p50_s is None:
        return left
    if starts_in_s is None:
        return Left(None, None, f"{NO_HISTORY} of what is before it")
    return Left(starts_in_s + left.p50_s, None if left.p90_s is None else starts_in_s + left.p90_s, left.note)


def _slots(alive: Sequence[Row]) -> list[_Slot]:
    return [_Slot(frozenset(worker["queues"])) for worker in alive for _ in range(worker["concurrency"])]


def _starts(line: Sequence[Row], slots: list[_Slot], length_s: Mapping[UUID, float]) -> dict[UUID, float]:
    """In how many seconds each waiting run starts; those left out depend on what is not known."""
    # Those that serve fewer queues first: others are kept free for what only they can take.
    slots = sorted(slots, key=lambda slot: len(slot.queues))
    # A project's first run in line holds its others back, also while it waits for its next attempt.
    behind: dict[UUID, deque[tuple[int, Row]]] = defaultdict(deque)
    project_free: dict[UUID, float] = {}
    taken: set[int] = set()
    for order, run in enumerate(line):
        if run["status"] == "queued":
            behind[run["project_id"]].append((order, run))
            continue
        project_free[run["project_id"]] = length_s[run["id"]]
        place = next((n for n, slot in enumerate(slots) if n not in taken and run["queue"] in slot.queues), None)
        if place is not None:
            taken.add(place)
            slots[place].free_in_s = length_s[run["id"]]
    # The first of each project: those that may not start yet by when they may, the others by their place in line.
    held: list[tuple[float, int, Row]] = []
    able: dict[str, list[tuple[int, Row]]] = defaultdict(list)

    def step_up(project: UUID, free_in_s: float) -> None:
        if behind[project]:
            order, run = behind[project].popleft()
            heappush(held, (max(run["back_off_s"], free_in_s), order, run))

    for project in list(behind):
        step_up(project, project_free.get(project, 0.0))
    starts: dict[UUID, float] = {}
    now = 0.0
    while isfinite(now):
        while held and held[0][0] <= now:
            _, order, run = heappop(held)
            heappush(able[run["queue"]], (order, run))
        free = [slot for slot in slots if slot.free_in_s <= now]
        for slot in free:
            queues = [name for name in slot.queues if able[name]]
            if queues:
                _, run = heappop(able[min(queues, key=lambda name: able[name][0][0])])
                starts[run["id"]] = now
                slot.free_in_s = now + length_s[run["id"]]
                step_up(run["project_id"], slot.free_in_s)
                break
        else:
            moments = [slot.free_in_s for slot in slots if slot.free_in_s > now]
            now = min([*moments, *(moment for moment, _, _ in held[:1])], default=inf)
    return starts


def _waits(line: Sequence[Row], alive: Sequence[Row]) -> dict[UUID, tuple[WaitsFor, str]]:
    """What each waiting run waits for, and a sentence."""
    served = {name for worker in alive for name in worker["queues"]}
    at_work = {row["project_id"]: row["step"] for row in line if row["status"] == "running"}
    running = sum(row["status"] == "running" for row in line)
    seen: Counter[UUID] = Counter()
    waits: dict[UUID, tuple[WaitsFor, str]] = {}
    for row in line:
        if row["status"] == "running":
            continue
        project = row["project_id"]
        if row["back_off_s"] > 0:
            when = f"{row['not_before'].astimezone(UTC):%H:%M:%S} UTC"
            # One that has had none was put off: see :mod:`maquette.worker.admission`.
            waits[row["id"]] = (
                "another_attempt",
                f"Another attempt begins at {when}."
                if row["attempt"]
                else f"It may begin at {when}: at its turn its owner had as many runs at work as one may, or the disk"
                " of the worker was nearly full.",
            )
        elif project in at_work:
            waits[row["id"]] = (
                "project",
                f"This project's {at_work[project]} is at work; steps of a project run one after the other.",
            )
        elif row["queue"] not in served:
            needed = " with a GPU" if row["queue"] == "gpu" else " that takes steps without a GPU"
            nobody = f"No worker{needed if alive else ''} lives"
            waits[row["id"]] = "worker", f"{nobody} at the moment; it begins when one comes."
        elif row["position"] == 1:
            waits[row["id"]] = "turn", "It is next: a worker takes it as soon as one is free."
        else:
            ahead = row["position"] - 1
            own = f", {seen[project]} of this project" if seen[project] else ""
            waits[row["id"]] = (
                "turn",
                f"{ahead} {'run is' if ahead == 1 else 'runs are'} ahead of it in line{own}, and {running} at work.",
            )
        seen[project] += 1
    return waits


def _joined(rows: Sequence[Row], newcomer: Row) -> list[Row]:
    """The line with one more run at its place by turn: the latest of those with the same turn."""
    place = next(
        (n for n, row in enumerate(rows) if row["status"] == "queued" and row["turn"] > newcomer["turn"]), len(rows)
    )
    before, after = rows[:place], rows[place:]
    position = sum(row["status"] == "queued" for row in before) + 1
    return [*before, {**newcomer, "position": position}, *({**row, "position": row["position"] + 1} for row in after)]


def _or_never(seconds: float | None) -> float:
    return inf if seconds is None else seconds
