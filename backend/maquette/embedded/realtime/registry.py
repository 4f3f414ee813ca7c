"""Who follows what: the subscriptions in force, by table."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from maquette.embedded.callers import Caller
from maquette.embedded.realtime.bindings import Binding
from maquette.embedded.realtime.catalogue import Name

if TYPE_CHECKING:
    from maquette.embedded.realtime.channel import Channel

_CHANGE_WITH_EACH_TOKEN = ("exp", "iat", "nbf", "jti")


@dataclass(frozen=True, eq=False)
class Viewer:
    """Callers that row security cannot tell apart: one read serves them all.

    The role and all claims count, save those that differ between two tokens of one session.
    """

    role: str
    claims: dict[str, Any] = field(repr=False)

    @classmethod
    def of(cls, caller: Caller) -> Viewer:
        """Who sees what this caller sees."""
        return cls(caller.role, {k: v for k, v in caller.claims.items() if k not in _CHANGE_WITH_EACH_TOKEN})

    @cached_property
    def key(self) -> str:
        """Equal for viewers that see the same."""
        return json.dumps([self.role, self.claims], sort_keys=True)


@dataclass(frozen=True, eq=False)
class Subscription:
    """One binding of one channel, in force."""

    channel: Channel
    viewer: Viewer
    binding: Binding


class Registry:
    """Read by the reader for every change, written by channels as they come and go."""

    def __init__(self) -> None:
        self._by_table: defaultdict[Name, dict[Subscription, None]] = defaultdict(dict)

    def add(self, subscriptions: Iterable[Subscription]) -> None:
        """Put them in force."""
        for one in subscriptions:
            self._by_table[one.binding.table][one] = None

    def remove(self, subscriptions: Iterable[Subscription]) -> None:
        """Take them out of force."""
        for one in subscriptions:
            followers = self._by_table[one.binding.table]
            followers.pop(one, None)
            if not followers:
                del self._by_table[one.binding.table]

    def following(self, table: Name) -> Iterable[Subscription]:
        """The subscriptions to a table, in the order they came."""
        return self._by_table.get(table, ())

    def channels(self, table: Name | None = None) -> list[Channel]:
        """The channels that follow a table, or any."""
        names = list(self._by_table) if table is None else [table]
        return list(dict.fromkeys(one.channel for name in names for one in self.following(name)))
