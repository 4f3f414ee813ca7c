"""Repeated calls: the same Idempotency-Key with the same body within 24 hours is the same call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import Header
from pydantic import BaseModel

from maquette.db import idempotency
from maquette.db.rows import Connection
from maquette.errors import WrongStateError

IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="Any text without spaces, up to 200 characters. A repeated call with the same key and body within "
        "24 hours is answered with what the first one made; with another body it is refused. Default: none.",
        examples=["5b1c7f0e-generate-1"],
    ),
]


class IdempotencyKeyReusedError(WrongStateError):
    """The same key came with another body."""

    code = "idempotency_key_reused"


@dataclass(frozen=True)
class Keyed:
    """A call that carries a key. ``scope``: what is called, a project or run, or the owner of a project to be."""

    scope: UUID
    call: str
    key: str
    asked: Mapping[str, Any]

    @classmethod
    def of(cls, scope: UUID, call: str, key: str | None, asked: BaseModel | None = None) -> Keyed | None:
        """None where the caller gave no key."""
        return cls(scope, call, key, asked.model_dump(mode="json") if asked else {}) if key else None

    async def made_before(self, conn: Connection) -> UUID | None:
        """What an earlier call with this key made; ``idempotency_key_reused`` where that one asked for something else.

        Until the transaction ends, another call with the same key waits here.
        """
        earlier = await idempotency.find(conn, self.scope, self.call, self.key)
        if earlier is None:
            return None
        before: dict[str, Any] = earlier["asked"]
        differing = sorted(name for name in {*before, *self.asked} if before.get(name) != self.asked.get(name))
        if differing:
            raise key_reused(differing, made=str(earlier["made"]))
        made: UUID = earlier["made"]
        return made

    async def keep(self, conn: Connection, project_id: UUID, made: UUID) -> None:
        """Answer with this from now on."""
        asked = dict(self.asked)
        await idempotency.keep(conn, self.scope, self.call, self.key, project_id=project_id, asked=asked, made=made)


def key_reused(differing: list[str], **details: str) -> IdempotencyKeyReusedError:
    """The key belongs to another call."""
    return IdempotencyKeyReusedError(
        f"This Idempotency-Key was used before with another {' and '.join(differing)}.",
        suggestion="Repeat the call with the same body, or use a new key for new work.",
        differing=differing,
        **details,
    )
