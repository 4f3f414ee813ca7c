"""A database of one's own for tests that change the schema."""

import uuid
from urllib.parse import urlsplit

import psycopg
import pytest

from maquette.embedded.compat import prepare_database
from maquette.embedded.home import load_secrets
from maquette.embedded.postgres import ADMIN


@pytest.fixture
def fresh_database(stack):
    """The address, as role postgres, of a database with Supabase's schemas and nothing of ours."""
    name = f"fresh_{uuid.uuid4().hex[:12]}"
    secrets = load_secrets(stack.home)
    port = stack.postgres.port
    admin = {"host": "127.0.0.1", "port": port, "user": ADMIN, "password": secrets.admin_password, "dbname": "postgres"}
    with psycopg.connect(**admin, autocommit=True) as connection:
        connection.execute(f"create database {name}")
        prepare_database(port, secrets.admin_password, secrets.database_password, name)
        yield urlsplit(stack.connections.database_url)._replace(path=f"/{name}").geturl()
        connection.execute(f"drop database {name} with (force)")
