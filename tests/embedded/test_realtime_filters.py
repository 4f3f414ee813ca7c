"""Filters: what passes each operator, and which are refused."""

import psycopg
import pytest
from psycopg.types.json import Jsonb
from tests.embedded.realtime_line import line

COLUMNS = """
id integer primary key, label varchar(40), amount numeric, ratio float8, born date, seen timestamptz, sure boolean,
code uuid, mood filtered.mood, extra jsonb
"""
UUID = "0b5c1d6e-9f0a-4d2b-8c3d-1e2f3a4b5c6d"
ROWS = {
    1: {"label": "a", "amount": "0.10", "ratio": "1.5", "born": "2026-01-02", "seen": "2026-01-02 12:00+00"},
    2: {"label": "B", "amount": "12345678901234567890.5", "ratio": "NaN", "born": "infinity", "seen": "infinity"},
    3: {"label": "b,(c)", "amount": "-3", "sure": "true", "code": UUID, "mood": "happy", "seen": "0044-03-15 12:00 BC"},
    4: {"label": 'say "x"', "amount": "7", "sure": "false", "ratio": "-Infinity", "born": "12026-01-01"},
    5: {},
}


@pytest.fixture(scope="module")
def table(storage):
    with psycopg.connect(storage.database_url, autocommit=True) as db:
        db.execute("create schema filtered; create type filtered.mood as enum ('sad', 'happy')")
        db.execute(f"create table filtered.rows ({COLUMNS})")
        db.execute("grant usage on schema filtered to service_role; grant select on filtered.rows to service_role")
        db.execute("alter publication supabase_realtime add table filtered.rows")
        yield db
        db.execute("drop schema filtered cascade")


@pytest.fixture(autouse=True)
def emptied(table):
    yield
    table.execute("delete from filtered.rows")


def asked(text):
    return {"event": "*", "schema": "filtered", "table": "rows", "filter": text}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [1, 2, 3, 4, 5]),
        ("id=eq.3", [3]),
        ("id=neq.3", [1, 2, 4, 5]),
        ("id=in.(1,4)", [1, 4]),
        ("id=lt.3,id=gte.2", [2]),
        ("label=eq.a", [1]),
        ("label=eq.A", []),
        ("label=neq.a", [2, 3, 4]),  # null is neither equal nor different
        ("label=gt.a", [3, 4]),
        ("label=lte.a", [1, 2]),  # by code points: capitals first
        ('label=eq."b,(c)"', [3]),
        ('label=in.("b,(c)",B)', [2, 3]),
        ('label=eq."say \\"x\\""', [4]),
        ("amount=eq.0.1", [1]),
        ("amount=eq.12345678901234567890.50", [2]),
        ("amount=gt.12345678901234567890.4", [2]),
        ("amount=lt.0", [3]),
        ("amount=in.(7.0,-3)", [3, 4]),
        ("ratio=eq.1.5", [1]),
        ("ratio=gt.1e300", [2]),
        ("ratio=eq.NaN", [2]),
        ("ratio=lte.1.5", [1, 4]),
        ("born=gte.2026-01-02", [1, 2, 4]),
        ("born=lt.infinity", [1, 4]),
        ("born=gt.12025-12-31", [2, 4]),
        ("seen=eq.2026-01-02T13:00:00+01:00", [1]),
        ("seen=lt.2000-01-01", [3]),
        ("seen=gt.0045-01-01 BC", [1, 2, 3]),
        ("sure=eq.true", [3]),
        ("sure=is.false", [4]),
        ("sure=is.null", [1, 2, 5]),
        ("sure=not.is.null", [3, 4]),
        (f"code=eq.{UUID.upper()}", [3]),
        (f"code=isdistinct.{UUID}", [1, 2, 4, 5]),
        ("mood=eq.happy", [3]),
        ("mood=in.(sad)", []),
        ("extra=is.null", [1, 2, 3, 4, 5]),
        ("id=not.in.(1,2,3)", [4, 5]),
        ("label=not.eq.a,id=lt.4", [2, 3]),
    ],
)
async def test_what_passes(storage, table, text, expected):
    async with line(storage) as client:
        await client.follow(asked(text))
        for number, values in ROWS.items():
            table.execute(
                "insert into filtered.rows select * from jsonb_populate_record(null::filtered.rows, %s)",
                [Jsonb({"id": number, **values})],
            )
        told = await client.changes(len(expected))
        assert [data["record"]["id"] for data in told] == expected
        # A row that is gone has a key only: filters on anything else keep it from being told.
        table.execute("delete from filtered.rows")
        if text.startswith("id=") or not text:
            gone = await client.changes(len(expected))
            # One statement deletes them all, in the order in which they lie in the table.
            assert sorted(data["old_record"]["id"] for data in gone) == expected
        await client.alive()


async def test_a_filter_sees_the_row_as_it_is_now(storage, table):
    async with line(storage) as client:
        await client.follow(asked("label=eq.on"))
        table.execute("insert into filtered.rows (id, label) values (1, 'off')")
        await client.nothing()
        table.execute("update filtered.rows set label = 'on'")
        [data] = await client.changes(1)
        assert data["type"] == "UPDATE" and data["record"]["label"] == "on"
        table.execute("update filtered.rows set label = 'off'")
        await client.nothing()
        table.execute("delete from filtered.rows")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("undefined", 'Error parsing `filter` params: ["undefined"]'),
        ("id=foo.1", 'Error parsing `filter` params: ["foo", "1"]'),
        ("id=like.1", 'Error parsing `filter` params: ["like", "1"]'),
        ("id=eq.1,", "filter must not contain empty segments"),
        ("id=in.1", "must be wrapped by parentheses"),
        ("sure=is.maybe", "must be null, true, false, or unknown"),
        ("nope=eq.1", "invalid column for filter nope"),
        ("ctid=eq.1", "invalid column for filter ctid"),
        ("id=eq.x", 'invalid input syntax for type integer: "x"'),
        ("id=eq.99999999999", "out of range"),
        ("id=in.(1,x)", "invalid input syntax"),
        (f"id=in.({','.join(map(str, range(101)))})", "too many values for `in` filter. Maximum 100"),
        ("code=eq.x", "invalid input syntax for type uuid"),
        ("mood=eq.angry", "invalid input value for enum"),
        ("mood=gt.sad", "operator gt is not supported on column mood"),
        ("extra=eq.{}", "operator eq is not supported on column extra of type jsonb"),
        ("label=is.true", "requires a boolean column"),
        ("id=eq.1); drop table filtered.rows; --", "invalid input syntax"),
    ],
)
async def test_what_is_refused(storage, table, text, words):
    async with line(storage) as client:
        assert words in await client.refusal(asked(text))
        table.execute("insert into filtered.rows values (1)")
        table.execute("delete from filtered.rows")
        await client.alive()


@pytest.mark.parametrize("params", [{}, {"event": "*"}, {"schema": 5}, {"schema": "filtered", "filter": ["id=eq.1"]}])
async def test_parameters_that_say_nothing(storage, params):
    async with line(storage) as client:
        assert "Please provide at least a `schema` or `table`" in await client.refusal(params)
