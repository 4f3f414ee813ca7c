"""Databases of one's own on the test stack's server."""

import uuid
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg

from maquette.embedded.compat import prepare_database
from maquette.embedded.home import load_secrets
from maquette.embedded.postgres import ADMIN


@contextmanager
def fresh_database_of(stack):
    """The address, as role postgres, of a database with Supabase's schemas and nothing of ours."""
    name = f"fresh_{uuid.uuid4().hex[:12]}"
    secrets = load_secrets(stack.home)
    with admin_of(stack) as connection:
        connection.execute(f"create database {name}")
        prepare_database(stack.postgres.port, secrets.admin_password, secrets.database_password, name)
        try:
            yield urlsplit(stack.connections.database_url)._replace(path=f"/{name}").geturl()
        finally:
            connection.execute(f"drop database {name} with (force)")


def admin_of(stack, database="postgres"):
    """A connection as the server's superuser, each statement for itself."""
    return psycopg.connect(
        host="127.0.0.1",
        port=stack.postgres.port,
        user=ADMIN,
        password=load_secrets(stack.home).admin_password,
        dbname=database,
        autocommit=True,
    )
