"""A database of one's own for tests that change the schema."""

import pytest
from tests.db.databases import fresh_database_of


@pytest.fixture
def fresh_database(stack):
    """The address, as role postgres, of a database with Supabase's schemas and nothing of ours."""
    with fresh_database_of(stack) as url:
        yield url
