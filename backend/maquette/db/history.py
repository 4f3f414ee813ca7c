"""What earlier runs of this installation say about one to come: how long, how much memory, how many bytes stored.

A sample is a run that was completed in its first attempt and did the whole work itself: a second attempt's time holds
the wait and what the first one finished, and a run that goes on from another did only the rest. Degraded runs count:
where no neural weights are installed every run may be degraded, and the next one will be as well.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID

from maquette.db.rows import Connection, Row, fetch_all

NO_HISTORY = "no history yet"
ABOUT_THE_SAME = 1.5
"""Sizes within this factor of each other are compared as they are."""
ENOUGH = 3
"""With fewer samples of about the same size those of other sizes are scaled; with fewer in all there is no p90."""
NEAREST = 10
"""How many samples of other sizes are scaled."""
MOST_SUMMED = 20
"""How many runs' objects are summed: a run may have hundreds."""

NEWEST: LiteralString = """
    select r.id, r.size, extract(epoch from r.finished_at - r.started_at)::float8 as seconds,
           (r.timings ->> 'peak_memory_mb')::float8 as peak_memory_mb
    from public.runs r
    where r.status = 'completed' and r.workload = w.workload and w.workload <> ''
      and r.attempt = 1 and r.continues_id is null and r.started_at is not null
    order by r.finished_at desc limit 100
"""
"""The last hundred samples of the workload that a table ``w`` names, of the whole installation."""
SAMPLES: LiteralString = (
    "select w.workload, h.* from unnest(%s::text[]) as w (workload) cross join lateral (" + NEWEST + ") h"
)


@dataclass(frozen=True)
class Expected:
    """What a run will take, by ``samples`` earlier ones; None where there are too few to say."""

    seconds_p50: float | None = None
    seconds_p90: float | None = None
    peak_memory_mb: float | None = None
    """Of nine runs in ten."""

    samples: int = 0
    note: str = NO_HISTORY
    scaled: tuple[tuple[UUID, float], ...] = ()
    """The runs it rests on, each with what its figures were multiplied by."""


async def samples(conn: Connection, workloads: Iterable[str]) -> dict[str, list[Row]]:
    """Samples by workload, newest first: ``id``, ``size``, ``seconds``, ``peak_memory_mb``. One statement."""
    rows = await fetch_all(conn, SAMPLES, [sorted(set(workloads))])
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row["workload"]].append(row)
    return dict(found)


async def bytes_stored(conn: Connection, expected: Expected) -> int | None:
    """Bytes of objects that the run will leave in the buckets: the median of earlier ones; None without any."""
    scaled = dict(expected.scaled[:MOST_SUMMED])
    rows = await fetch_all(
        conn,
        "select run_id, sum(bytes)::bigint as bytes from public.artifacts where run_id = any(%s) group by run_id",
        [list(scaled)],
    )
    return round(percentile([row["bytes"] * scaled[row["run_id"]] for row in rows], 0.5)) if rows else None


def expect(history: Sequence[Mapping[str, Any]], size: float) -> Expected:
    """What a run of this size will take by samples of the same workload, newest first.

    Those within a factor of 1.5 count as they are. With fewer than three of them, the nearest ten of any size are
    scaled by size, as if time were proportional to it; ``note`` says so.
    """
    near = [(sample, 1.0) for sample in history if _apart(sample["size"], size) <= ABOUT_THE_SAME]
    scaled = len(near) < ENOUGH
    if scaled:
        by_nearness = sorted(history, key=lambda sample: _apart(sample["size"], size))
        near = [(sample, _ratio(size, sample["size"])) for sample in by_nearness[:NEAREST]]
    if not near:
        return Expected()
    seconds = [sample["seconds"] * factor for sample, factor in near]
    memory = [sample["peak_memory_mb"] for sample, _ in near if sample["peak_memory_mb"] is not None]
    return Expected(
        seconds_p50=percentile(seconds, 0.5),
        seconds_p90=percentile(seconds, 0.9) if len(near) >= ENOUGH else None,
        peak_memory_mb=percentile(memory, 0.9) if memory else None,
        samples=len(near),
        note=_note(len(near), scaled=any(factor != 1 for _, factor in near)),
        scaled=tuple((UUID(str(sample["id"])), factor) for sample, factor in near),
    )


def percentile(values: Sequence[float], share: float) -> float:
    """As Postgres' ``percentile_cont``: linear between the two nearest; ``values`` need not be in order."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return float(ordered[low] + (ordered[high] - ordered[low]) * (place - low))


def _note(count: int, *, scaled: bool) -> str:
    runs = "1 earlier run" if count == 1 else f"{count} earlier runs"
    return f"by {runs} of the same kind, scaled from other sizes" if scaled else f"by {runs} of the same kind and size"


def _apart(one: float, other: float) -> float:
    return max(_ratio(one, other), _ratio(other, one))


def _ratio(one: float, other: float) -> float:
    """Work of no size is compared as it is."""
    return one / other if one > 0 and other > 0 else 1.0
