"""From notifications to messages: one read per batch and table, for all distinct viewers at once."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg_pool import PoolTimeout

from maquette.db.connection import Pool
from maquette.db.listener import Listener
from maquette.embedded.callers import ROLES
from maquette.embedded.realtime.catalogue import Catalogue, Name, Table
from maquette.embedded.realtime.changes import Change, Row, describe, moment_now
from maquette.embedded.realtime.channel import Channel
from maquette.embedded.realtime.registry import Registry, Subscription, Viewer

log = logging.getLogger("maquette.realtime")

CHANNEL = "realtime_changes"
MOST_WAITING = 20_000
"""Changes that may wait to be read; beyond them they are dropped, and the subscribers are told to join again."""

_BATCH = 500
_TRIES, _PAUSE_S = 3, 0.3

_EVERYTHING = Viewer("none", {})
"""The service's own connection, which row security does not bind: only to ask which filters a row passes."""

Key = tuple[Any, ...]
Rows = dict[tuple[str, Key], Row]
"""By viewer and primary key. A row that is missing is gone, or not for that viewer."""


class Reader:
    """Hears changes and tells them to whoever follows them."""

    def __init__(self, pool: Pool, listener: Listener, catalogue: Catalogue, registry: Registry) -> None:
        self._pool = pool
        self._catalogue = catalogue
        self._registry = registry
        self._waiting: deque[Change] = deque()
        self._filled = asyncio.Event()
        listener.hear(CHANNEL, self._hear, self._miss)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Read and tell for as long as the block lasts."""
        task = asyncio.create_task(self._read_on())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def _hear(self, payload: str) -> None:
        try:
            told = json.loads(payload)
            if told["type"] == "SCHEMA":
                self._catalogue.forget()
                return
            table = (told["schema"], told["table"])
            if not self._registry.following(table):
                return
            if told["key"] is None:  # too long for a notification
                self._fail(table)
                return
            old_key = tuple(told["old_key"]) if told["old_key"] else None
            change = Change(table, told["type"], tuple(told["key"]), old_key, moment_now())
        except (ValueError, KeyError, TypeError):
            log.warning("a notification on %s is not ours", CHANNEL)
            return
        if len(self._waiting) >= MOST_WAITING:
            log.warning("%d changes wait to be told: they are dropped, subscribers join again", MOST_WAITING)
            self._miss()
            return
        self._waiting.append(change)
        self._filled.set()

    def _miss(self) -> None:
        """Nobody knows what was missed: everyone who follows anything joins again and reads what it lacks."""
        self._waiting.clear()
        self._catalogue.forget()
        for channel in self._registry.channels():
            channel.fail()

    def _fail(self, table: Name) -> None:
        for channel in self._registry.channels(table):
            channel.fail()

    async def _read_on(self) -> None:
        while True:
            await self._filled.wait()
            batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
            if not self._waiting:
                self._filled.clear()
            try:
                await self._tell(batch)
            except Exception:
                # A fault of ours or of the database: told to those concerned, and no reason to stop for the others.
                log.exception("changes could not be told; their subscribers join again")
                for table in {change.table for change in batch}:
                    self._fail(table)
            # A long batch must not starve the sockets.
            await asyncio.sleep(0)

    async def _tell(self, batch: list[Change]) -> None:
        tables = await self._patiently_tables()
        concerned = [
            (change, _concerned(self._registry.following(change.table), change, table))
            for change in batch
            if (table := tables.get(change.table)) is not None
        ]
        rows: dict[Name, Rows] = {}
        for name in {change.table for change, subscriptions in concerned if subscriptions}:
            of_table = [(c, s) for c, s in concerned if c.table == name and c.type != "DELETE" and s]
            rows[name] = await self._read_for(tables[name], of_table) if of_table else {}
        for change, subscriptions in concerned:
            if subscriptions:
                _deliver(change, tables[change.table], subscriptions, rows[change.table])

    async def _patiently_tables(self) -> dict[Name, Table]:
        for _ in range(_TRIES - 1):
            with contextlib.suppress(psycopg.OperationalError, PoolTimeout):
                return await self._catalogue.tables()
            await asyncio.sleep(_PAUSE_S)
        return await self._catalogue.tables()

    async def _read_for(self, table: Table, changes: list[tuple[Change, list[Subscription]]]) -> Rows:
        """The changed rows of one table as each viewer sees them who may be told of them."""
        asked: defaultdict[str, dict[Key, None]] = defaultdict(dict)
        viewers = {one.viewer.key: one.viewer for _, subscriptions in changes for one in subscriptions}
        filtered = any(one.binding.row_conditions for _, subscriptions in changes for one in subscriptions)
        before: Rows = {}
        if len(viewers) > 1 and filtered:
            # Which filters the rows pass costs one read; asking for every viewer would cost one for each.
            keys = {change.key: None for change, _ in changes}
            before = await self._read(table, {_EVERYTHING.key: (_EVERYTHING, list(keys))})
        for change, subscriptions in changes:
            seen = before.get((_EVERYTHING.key, change.key))
            values = seen.values() if seen else None
            for one in subscriptions:
                if values is None or all(condition.holds(values) for condition in one.binding.row_conditions):
                    asked[one.viewer.key][change.key] = None
        return await self._read(table, {key: (viewers[key], list(keys)) for key, keys in asked.items()})

    async def _read(self, table: Table, asked: dict[str, tuple[Viewer, list[Key]]]) -> Rows:
        if not asked:
            return {}
        askers = [
            {
                "role": viewer.role,
                "claims": viewer.claims,
                "columns": [c.name for c in (table.columns if viewer is _EVERYTHING else table.readable(viewer.role))],
                "keys": keys,
            }
            for viewer, keys in asked.values()
        ]
        query = "select asker, key, record, failure from realtime.read_rows(%s::bigint::oid::regclass, %s, %s::jsonb)"
        for tries_left in reversed(range(_TRIES)):
            try:
                async with self._pool.connection() as conn:
                    found = await conn.execute(query, [table.oid, list(table.key), json.dumps(askers)])
                    told = await found.fetchall()
                break
            except (psycopg.OperationalError, PoolTimeout):
                if not tries_left:
                    raise
                await asyncio.sleep(_PAUSE_S)
        rows: Rows = {}
        order = list(asked.items())
        for one in told:
            viewer_key, (_, keys) = order[one["asker"]]
            if one["failure"] is not None:
                rows |= {(viewer_key, key): Row(None, one["failure"]) for key in keys}
            else:
                rows[viewer_key, tuple(one["key"])] = Row(one["record"])
        return rows


def _concerned(following: Iterable[Subscription], change: Change, table: Table) -> list[Subscription]:
    """Those that may be told of a change, by what is known before the row is read."""
    values = dict(zip(table.key, change.key, strict=True))
    gone = change.type == "DELETE"
    # A privilege may have been taken away since a subscriber came.
    roles = {role for role in ROLES if table.key_readable(role)}
    return [
        one
        for one in following
        if one.binding.event in ("*", change.type)
        and not (gone and one.binding.row_conditions)
        and one.viewer.role in roles
        and all(condition.holds(values) for condition in one.binding.key_conditions)
    ]


def _deliver(change: Change, table: Table, subscriptions: Iterable[Subscription], rows: Rows) -> None:
    """One message to each channel that follows the change and may see it."""
    by_channel: dict[Channel, list[Subscription]] = {}
    values: dict[str, dict[str, Any]] = {}
    for one in subscriptions:
        if change.type != "DELETE":
            row = rows.get((one.viewer.key, change.key))
            if row is None:
                continue
            if one.binding.row_conditions and row.failure is None:
                if one.viewer.key not in values:
                    values[one.viewer.key] = row.values()
                if not all(condition.holds(values[one.viewer.key]) for condition in one.binding.row_conditions):
                    continue
        by_channel.setdefault(one.channel, []).append(one)
    texts: dict[tuple[str, frozenset[str] | None], str] = {}
    for channel, matched in by_channel.items():
        # Bindings of one channel that chose different columns get messages of their own.
        selections: dict[frozenset[str] | None, list[int]] = {}
        for one in matched:
            ids = selections.setdefault(one.binding.select, [])
            if one.binding.id not in ids:
                ids.append(one.binding.id)
        viewer = matched[0].viewer
        for select, ids in selections.items():
            if (viewer.key, select) not in texts:
                row = rows.get((viewer.key, change.key)) if change.type != "DELETE" else None
                texts[viewer.key, select] = describe(change, table, viewer.role, select, row)
            channel.push_changes(f'{{"ids":[{",".join(map(str, ids))}],"data":{texts[viewer.key, select]}}}')
