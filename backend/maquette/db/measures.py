"""Numbers over everything the database holds, for ``/metrics``: they tell of all owners at once."""

from __future__ import annotations

from dataclasses import dataclass

from maquette.db import workers
from maquette.db.rows import Connection, Row, fetch_all

SECONDS = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0)
"""Upper bounds of the buckets that lengths of steps are counted in."""
MOST_SERIES = 200
"""Codes may come from elsewhere, with imported projects; those that came most often are told."""


@dataclass(frozen=True)
class Line:
    """What waits and works now. ``unfinished``: ``queue``, ``step``, ``status``, ``number`` and, of the waiting,
    ``oldest_s``. ``workers``: rows of the living ones."""

    unfinished: list[Row]
    workers: list[Row]


@dataclass(frozen=True)
class History:
    """What there has been, as far as it was not deleted with its project.

    ``ended``: ``step``, ``status``, error ``code`` ('' where there is none), ``number``. ``lengths``: of completed
    runs, ``step``, ``bucket`` (0: up to the first of :data:`SECONDS`), ``number``, ``seconds``. ``retries``: ``code``,
    ``number``. ``stored``: ``bucket``, ``bytes``, ``number``.
    """

    ended: list[Row]
    lengths: list[Row]
    retries: list[Row]
    stored: list[Row]


async def line(conn: Connection) -> Line:
    """Read from indexes of unfinished runs only: costs the same however long the history is."""
    unfinished = await fetch_all(
        conn,
        "select queue, step, status, count(*) as number,"
        " extract(epoch from max(now() - queued_at) filter (where status = 'queued'))::float8 as oldest_s"
        " from public.runs where status in ('queued', 'running') group by 1, 2, 3",
        [],
    )
    return Line(unfinished, await workers.alive(conn))


async def history(conn: Connection) -> History:
    """Reads all runs and artifacts: for now and then, and given up rather than slow."""
    await conn.execute("set local statement_timeout = '5s'")
    ended = await fetch_all(
        conn,
        "select step, status, case when status = 'failed' then coalesce(error ->> 'code', '') else '' end as code,"
        " count(*) as number from public.runs where status not in ('queued', 'running') group by 1, 2, 3"
        " order by number desc, 1, 2, 3 limit %s",
        [MOST_SERIES],
    )
    lengths = await fetch_all(
        conn,
        "select step, width_bucket(seconds, %s::float8[]) as bucket, count(*) as number, sum(seconds) as seconds from ("
        " select step, extract(epoch from finished_at - started_at)::float8 as seconds from public.runs"
        " where status = 'completed' and started_at is not null) r group by 1, 2",
        [list(SECONDS)],
    )
    retries = await fetch_all(
        conn,
        "select f.key as code, sum(f.value::bigint)::bigint as number"
        " from public.runs, jsonb_each_text(failures) f where failures <> '{}' group by 1 order by 2 desc, 1 limit %s",
        [MOST_SERIES],
    )
    stored = await fetch_all(
        conn,
        "select bucket, sum(bytes)::bigint as bytes, count(*) as number from public.artifacts"
        " where removed_at is null group by 1",
        [],
    )
    return History(ended, lengths, retries, stored)
