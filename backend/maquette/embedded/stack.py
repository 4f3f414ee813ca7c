"""The embedded stack's lower half: the home held, Postgres running, the schema in place.

``maquette serve`` stands on this and adds the API (which serves storage) and the worker.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import quote

from maquette.db.migrate import MigrationReport, migrate
from maquette.embedded.compat import prepare_database
from maquette.embedded.home import hold_home, load_secrets, write_private
from maquette.embedded.postgres import DatabaseStartError, Postgres, start_postgres
from maquette.settings import Connections, Settings, stack_file


@dataclass
class EmbeddedStack:
    """A running stack. ``timings`` holds wall seconds of each part of the start."""

    home: Path
    connections: Connections
    postgres: Postgres
    migrated: MigrationReport
    timings: dict[str, float] = field(default_factory=dict)

    def mend(self) -> bool:
        """Start Postgres again where it died (killed for memory, say); whether it had to be.

        It comes back at the same address, so others that are connected only have to try again.
        """
        if self.postgres.alive():
            return False
        self.postgres.stop()
        again = start_postgres(self.home, load_secrets(self.home).admin_password)
        if again.port != self.postgres.port:
            again.stop()
            raise DatabaseStartError(
                f"Port {self.postgres.port}, where the embedded Postgres was, is taken now.",
                suggestion="Stop `maquette serve` and start it again; it then finds another port.",
            )
        self.postgres = again
        return True


@contextmanager
def run_stack(settings: Settings) -> Iterator[EmbeddedStack]:
    """Run the stack for as long as the block lasts. Call it from the main thread of the process that shall own it.

    Raises ``home_in_use`` where another server has the home, ``database_start_failed`` where Postgres would not
    start. Afterwards other processes find the stack with :func:`maquette.settings.resolve_connections`.
    """
    home = settings.home
    with hold_home(home):
        began = time.perf_counter()
        secrets = load_secrets(home)
        postgres = start_postgres(home, secrets.admin_password)
        try:
            started = time.perf_counter()
            prepare_database(postgres.port, secrets.admin_password, secrets.database_password)
            prepared = time.perf_counter()
            connections = Connections(
                database_url=f"postgresql://postgres:{quote(secrets.database_password, safe='')}"
                f"@127.0.0.1:{postgres.port}/postgres",
                supabase_url=settings.server_url,
                secret_key=secrets.secret_key,
                publishable_key=secrets.publishable_key,
                jwt_secret=secrets.jwt_secret,
                embedded=True,
            )
            migrated = migrate(connections.database_url)
            stack = EmbeddedStack(home, connections, postgres, migrated)
            stack.timings |= {
                "postgres": started - began,
                "compat": prepared - started,
                "migrate": time.perf_counter() - prepared,
            }
            written = asdict(connections)
            del written["embedded"]
            write_private(stack_file(home), json.dumps(written, indent=2))
            try:
                yield stack
            finally:
                stack_file(home).unlink(missing_ok=True)
                stack.postgres.stop()
        finally:
            postgres.stop()
