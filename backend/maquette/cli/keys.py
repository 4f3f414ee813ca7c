"""``maquette keys``: keys that programs call the API with."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, TypeVar
from uuid import UUID

import typer

from maquette.errors import BadInputError, UnavailableError

if TYPE_CHECKING:
    from maquette.db.rows import Connection
    from maquette.settings import Connections

app = typer.Typer(no_args_is_help=True, help="Keys that programs call the API with: make, list, revoke.")

T = TypeVar("T")


class OwnerNeededError(BadInputError):
    """Beside Supabase a key acts for one of many users."""

    code = "owner_needed"


@app.command()
def create(
    name: Annotated[str, typer.Option(help="What it is for, for people to know it by.")],
    owner: Annotated[
        str | None, typer.Option(help="E-mail or id of the user it acts for (embedded: the local owner).")
    ] = None,
    expires: Annotated[
        int | None, typer.Option(min=1, max=36500, help="Days until it stops by itself (default: never).")
    ] = None,
) -> None:
    """Make a key and print it, this once: only its hash is kept."""
    from maquette.cli.data import running
    from maquette.db import keys
    from maquette.machine_keys import make_key

    name = _checked_name(name)
    key = make_key()
    until = datetime.now(UTC) + timedelta(days=expires) if expires else None
    with running() as connections:
        user = owner or only_owner(connections)

        async def work(conn: Connection) -> str:
            row = await keys.create(conn, key, name, await keys.user_named(conn, user), until)
            return str(row["id"])

        made = _in_transaction(connections, work)
    typer.echo(f"Keep it now, it is shown this once. Revoke it with: maquette keys revoke {made}", err=True)
    typer.echo(key)


@app.command("list")
def list_keys() -> None:
    """All keys, newest first; never the keys themselves."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from maquette.cli.data import running
    from maquette.db import keys

    with running() as connections:
        rows = _in_transaction(connections, keys.everyone)
    table = Table("id", "name", "begins with", "acts for", "state", "last used", "expires", show_edge=False)
    for row in rows:
        table.add_row(
            str(row["id"]),
            escape(row["name"]),
            f"{escape(row['key_prefix'])}…",
            escape(row["email"] or str(row["owner_id"])),
            row["state"],
            _day(row["last_used_at"]) or "never",
            _day(row["expires_at"]) or "never",
        )
    # Ids are there to be copied: never cut one off at the edge of a narrow terminal.
    Console(soft_wrap=True, width=max(Console().width, 160)).print(table)
    if not rows:
        typer.echo("no keys; make one with `maquette keys create`")


@app.command()
def revoke(key: Annotated[str, typer.Argument(help="Its id, or its beginning as the list shows it.")]) -> None:
    """Let a key open nothing any more; servers notice within 3 seconds."""
    from maquette.cli.data import running
    from maquette.db import keys

    with running() as connections:
        row = _in_transaction(connections, lambda conn: keys.revoke(conn, key.rstrip("…")))
    typer.echo(f"revoked {row['name']} ({row['key_prefix']}…)")


@contextmanager
def temporary_key(connections: Connections, name: str, owner: UUID) -> Iterator[str]:
    """A key that is revoked after the block; a program that is killed leaves one that expires within a day."""
    from maquette.db import keys
    from maquette.machine_keys import make_key

    key = make_key()
    until = datetime.now(UTC) + timedelta(days=1)
    row = _in_transaction(connections, lambda conn: keys.create(conn, key, name, owner, until))
    try:
        yield key
    finally:
        with contextlib.suppress(UnavailableError):
            _in_transaction(connections, lambda conn: keys.revoke(conn, str(row["id"])))


def _in_transaction(connections: Connections, work: Callable[[Connection], Awaitable[T]]) -> T:
    from maquette.db.connection import connect_async

    async def done() -> T:
        async with await connect_async(connections.database_url, "maquette-keys") as conn:
            return await work(conn)

    return asyncio.run(done())


def _checked_name(name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= 200 or not name.isprintable():
        raise BadInputError(
            "A key's name has 1 to 200 characters on one line.", suggestion="Choose another --name, such as `ci`."
        )
    return name


def only_owner(connections: Connections) -> str:
    """The owner where there is one alone. Raises ``owner_needed``."""
    from maquette.embedded.compat import LOCAL_OWNER

    if not connections.embedded:
        raise OwnerNeededError(
            "Beside Supabase every key acts for one user, and none was named.",
            suggestion="Add --owner with the e-mail address or the id of a user.",
        )
    return LOCAL_OWNER


def _day(moment: datetime | None) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M") if moment else ""
