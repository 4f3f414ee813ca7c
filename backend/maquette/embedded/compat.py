"""What a Supabase project brings along: roles, and the schemas auth, storage and realtime."""

from __future__ import annotations

from pathlib import Path

import psycopg

from maquette.embedded.postgres import ADMIN

SQL = Path(__file__).parent / "sql"
LOCAL_OWNER = "00000000-0000-4000-8000-000000000001"


def prepare_database(port: int, admin_password: str, database_password: str, database: str = "postgres") -> None:
    """Declare everything anew; nothing changes where it is there already."""
    with psycopg.connect(
        host="127.0.0.1", port=port, user=ADMIN, password=admin_password, dbname=database, connect_timeout=10
    ) as connection:
        for path in sorted(SQL.glob("*.sql")):
            connection.execute(path.read_bytes())
        # A verifier made here, so that the password itself is in no log and no statistics view.
        verifier = connection.pgconn.encrypt_password(
            database_password.encode(), b"postgres", b"scram-sha-256"
        ).decode()
        connection.execute(psycopg.sql.SQL("alter role postgres password {}").format(psycopg.sql.Literal(verifier)))
