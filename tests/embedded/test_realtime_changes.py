"""What is told of inserts, updates and deletes."""

import re

import psycopg
import pytest
from tests.embedded.realtime_line import line, make_user, sql


@pytest.fixture(scope="module")
def things(storage):
    """A published schema of odd tables, outside of public: the catalogue's own tests look there."""
    statements = """
    create schema followed;
    grant usage on schema followed to anon, authenticated, service_role;
    create type followed.mood as enum ('sad', 'ok', 'happy');
    create table followed.things (
        id bigint generated always as identity primary key,
        label varchar(40), amount numeric, ratio float8, mood followed.mood, tags text[], born date,
        seen timestamptz, sure boolean, code uuid, extra jsonb
    );
    create table followed.pairs (a text, b integer, note text, primary key (b, a));
    create table followed.keyless (note text);
    create table followed.unpublished (id integer primary key);
    grant all on followed.things, followed.pairs, followed.keyless, followed.unpublished to service_role;
    alter publication supabase_realtime add table followed.things, followed.pairs, followed.keyless;
    """
    with psycopg.connect(storage.database_url, autocommit=True) as db:
        db.execute(statements)
        yield db
        db.execute("drop schema followed cascade")


THINGS = {"event": "*", "schema": "followed", "table": "things"}
PAIRS = {"event": "*", "schema": "followed", "table": "pairs"}


@pytest.mark.parametrize("version", ["1.0.0", "2.0.0"])
async def test_the_shapes(storage, version):
    user = make_user(storage)
    async with line(storage, version=version) as client:
        [number] = await client.follow({"event": "*", "schema": "public", "table": "projects"})
        project = str(sql(storage, "insert into projects (owner_id, name) values (%s, 'Älg') returning id", [user]))
        frame = await client.receive()
        assert (frame["topic"], frame["event"], frame["ref"]) == ("realtime:t", "postgres_changes", None)
        assert set(frame["payload"]) == {"ids", "data"} and frame["payload"]["ids"] == [number]
        inserted = frame["payload"]["data"]
        sql(storage, "update projects set progress_percentage = 12.5 where id = %s", [project])
        [updated] = await client.changes(1)
        sql(storage, "delete from projects where id = %s", [project])
        [deleted] = await client.changes(1)

    always = {"schema", "table", "commit_timestamp", "type", "errors", "columns"}
    assert set(inserted) == always | {"record"}
    assert set(updated) == always | {"record", "old_record"}
    assert set(deleted) == always | {"old_record"}
    for data, kind in ((inserted, "INSERT"), (updated, "UPDATE"), (deleted, "DELETE")):
        assert (data["schema"], data["table"], data["type"], data["errors"]) == ("public", "projects", kind, None)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", data["commit_timestamp"])
        types = {one["name"]: one["type"] for one in data["columns"]}
        assert types["id"] == "uuid" and types["created_at"] == "timestamptz" and types["event_seq"] == "int8"
        assert types["progress_percentage"] == "float4"
    assert set(inserted["record"]) == set(types)
    assert (inserted["record"]["id"], inserted["record"]["name"]) == (project, "Älg")
    assert updated["record"]["progress_percentage"] == 12.5
    assert updated["old_record"] == deleted["old_record"] == {"id": project}


async def test_types_and_numbers_as_postgres_writes_them(storage, things):
    async with line(storage) as client:
        await client.follow(THINGS)
        await client.send("realtime:t", "phx_leave", {})
        assert [(await client.receive())["event"] for _ in range(2)] == ["phx_reply", "phx_close"]
        await client.follow(THINGS)
        things.execute(
            "insert into followed.things (amount, ratio, mood, tags, born, extra)"
            " values (12345678901234567890.123456789, 0.1, 'ok', '{a,b}', '2026-02-03', '{\"deep\": [1.50]}')"
        )
        raw = await client.socket.recv()
    assert '"amount": 12345678901234567890.123456789' in raw
    assert '"tags": ["a", "b"]' in raw and '"mood": "ok"' in raw and '"deep": [1.50]' in raw
    assert '{"name": "tags", "type": "_text"}' in raw and '{"name": "mood", "type": "mood"}' in raw


async def test_only_the_event_that_was_asked_for(storage, things):
    async with line(storage) as client:
        [insert] = await client.follow({**THINGS, "event": "INSERT"}, topic="realtime:i")
        [update, every] = await client.follow({**THINGS, "event": "UPDATE"}, THINGS, topic="realtime:u")
        [delete] = await client.follow({**THINGS, "event": "delete"}, topic="realtime:d")
        # Each waits for the one before: a row that is gone when it is read is told by its DELETE alone.
        row = things.execute("insert into followed.things (label) values ('x') returning id").fetchone()[0]
        told = [await client.receive() for _ in range(2)]
        things.execute("update followed.things set label = 'y' where id = %s", [row])
        told.append(await client.receive())
        things.execute("delete from followed.things where id = %s", [row])
        told += [await client.receive() for _ in range(2)]
        await client.alive()
    assert [(frame["topic"], frame["payload"]["data"]["type"], frame["payload"]["ids"]) for frame in told] == [
        ("realtime:i", "INSERT", [insert]),
        ("realtime:u", "INSERT", [every]),
        ("realtime:u", "UPDATE", [update, every]),  # one message, however many subscriptions it fits
        ("realtime:u", "DELETE", [every]),
        ("realtime:d", "DELETE", [delete]),
    ]


async def test_every_change_once_and_in_order(storage, things):
    async with line(storage) as client:
        await client.follow(THINGS)
        with psycopg.connect(storage.database_url, autocommit=True) as db:
            row = db.execute("insert into followed.things (amount) values (0) returning id").fetchone()[0]
            for number in range(1, 101):
                db.execute("update followed.things set amount = %s where id = %s", [number, row])
            db.execute("insert into followed.things (label) select 'many' from generate_series(1, 200)")
        told = await client.changes(301)
        await client.alive()
    amounts = [data["record"]["amount"] for data in told[:101]]
    assert [data["type"] for data in told] == ["INSERT"] + ["UPDATE"] * 100 + ["INSERT"] * 200
    assert amounts == sorted(amounts) and amounts[-1] == 100  # a burst may show newer states, never older ones
    assert len({data["record"]["id"] for data in told[101:]}) == 200


async def test_one_transaction(storage, things):
    async with line(storage) as client:
        await client.follow(THINGS)
        with things.transaction():
            row = things.execute("insert into followed.things (amount) values (0) returning id").fetchone()[0]
            for number in range(1, 4):
                things.execute("update followed.things set amount = %s where id = %s", [number, row])
            gone = things.execute("insert into followed.things (amount) values (0) returning id").fetchone()[0]
            things.execute("delete from followed.things where id = %s", [gone])
        with things.transaction(force_rollback=True):
            things.execute("insert into followed.things (label) values ('never')")
        told = await client.changes(3)
        await client.nothing()
    assert [(data["type"], data.get("record", {}).get("amount")) for data in told] == [
        ("INSERT", 3),
        ("UPDATE", 3),
        ("DELETE", None),
    ]
    assert told[2]["old_record"] == {"id": gone}


async def test_keys_of_several_columns_and_keys_that_change(storage, things):
    async with line(storage) as client:
        await client.follow(PAIRS)
        told = []
        for statement in (
            "insert into followed.pairs values ('ä\"', 1, 'first')",
            "update followed.pairs set note = 'second'",
            "update followed.pairs set b = 2",
            "delete from followed.pairs",
        ):
            things.execute(statement)
            told += await client.changes(1)
    assert [data.get("old_record") for data in told] == [
        None,
        {"b": 1, "a": 'ä"'},
        {"b": 1, "a": 'ä"'},
        {"b": 2, "a": 'ä"'},
    ]
    assert [data["record"]["b"] for data in told[:3]] == [1, 1, 2]


async def test_a_key_too_long_to_notify_has_the_client_join_again(storage, things):
    async with line(storage) as client:
        await client.follow(PAIRS, join_ref="9")
        await client.follow(THINGS, topic="realtime:other")
        things.execute("insert into followed.pairs values (%s, 1, 'stored all the same')", ["ไ" * 2700])
        frame = await client.receive()
        assert (frame["topic"], frame["event"], frame["join_ref"]) == ("realtime:t", "phx_error", "9")
        await client.follow(PAIRS)
        things.execute("delete from followed.pairs")
        assert (await client.receive())["event"] == "phx_error"


async def test_wildcards(storage, things):
    async with line(storage) as client:
        await client.follow({"event": "*", "schema": "followed"}, topic="realtime:schema")
        await client.follow({"event": "*", "schema": "followed", "table": "*"}, topic="realtime:tables")
        await client.follow({"event": "*", "schema": "*"}, topic="realtime:everything")
        things.execute("insert into followed.things (label) values ('x')")
        things.execute("insert into followed.pairs values ('x', 1)")
        told = [await client.receive() for _ in range(6)]
        things.execute("delete from followed.pairs")
    tables = [frame["payload"]["data"]["table"] for frame in told]
    assert tables == ["things"] * 3 + ["pairs"] * 3
    assert {frame["topic"] for frame in told[:3]} == {"realtime:schema", "realtime:tables", "realtime:everything"}


async def test_chosen_columns(storage, things):
    async with line(storage) as client:
        await client.follow({**THINGS, "select": ["label", "amount"]})
        things.execute("insert into followed.things (label, amount, extra) values ('x', 0.10, '{}')")
        raw = await client.socket.recv()
        assert '"record":{"id":' in raw and '"label":"x"' in raw and '"amount":0.10' in raw and '"extra"' not in raw
        message = await client.refusal({**THINGS, "select": ["nope"]}, topic="realtime:2")
        assert "invalid column for select nope" in message


async def test_records_that_are_too_large(storage, things):
    async with line(storage, max_size=None) as client:
        await client.follow(THINGS)
        things.execute("insert into followed.things (label, extra) values ('x', to_jsonb(repeat('a', 1200000)))")
        [data] = await client.changes(1)
        assert data["errors"] == ["Error 413: Payload Too Large"]
        assert data["record"]["label"] == "x" and "extra" not in data["record"]


async def test_tables_that_cannot_be_followed(storage, things):
    async with line(storage) as client:
        for table in ("unpublished", "nowhere", 'x"; drop table things'):
            message = await client.refusal({**THINGS, "table": table}, topic=f"realtime:{table}")
            assert message.startswith("Unable to subscribe to changes with given parameters. Please check Realtime")
            assert f"table: {table}" in message
        message = await client.refusal({**THINGS, "table": "keyless"}, topic="realtime:keyless")
        assert "no primary key" in message
        # One that cannot be had spoils the channel's others.
        await client.refusal(PAIRS, {**THINGS, "table": "nowhere"}, topic="realtime:both")
        things.execute("insert into followed.pairs values ('y', 1)")
        things.execute("delete from followed.pairs")
        await client.nothing()


async def test_a_join_may_ask_to_fail_with_its_subscriptions(storage, things):
    async with line(storage) as client:
        wait = {"postgres_changes_options": {"wait": True}}
        reply = await client.join({**THINGS, "table": "nowhere"}, **wait)
        assert reply["status"] == "error"
        assert reply["response"]["reason"].startswith("RealtimeDisabledForConfiguration: Unable to subscribe")
        await client.follow(THINGS, **wait)


async def test_tables_published_and_taken_back_while_served(storage, things):
    later = {"event": "*", "schema": "followed", "table": "later"}
    async with line(storage) as client:
        await client.refusal(later)
        things.execute("create table followed.later (id integer primary key)")
        things.execute("grant select on followed.later to service_role")
        things.execute("alter publication supabase_realtime add table followed.later")
        await client.follow(later, topic="realtime:later")
        things.execute("insert into followed.later values (1)")
        assert [data["record"] for data in await client.changes(1)] == [{"id": 1}]
        things.execute("alter table followed.later add column note text default 'new'")
        things.execute("insert into followed.later values (2)")
        assert [data["record"] for data in await client.changes(1)] == [{"id": 2, "note": "new"}]
        things.execute("alter table followed.later drop constraint later_pkey, add primary key (note, id)")
        things.execute("delete from followed.later where id = 2")
        assert [data["old_record"] for data in await client.changes(1)] == [{"note": "new", "id": 2}]
        things.execute("alter publication supabase_realtime drop table followed.later")
        things.execute("insert into followed.later values (3)")
        await client.nothing()
    assert not things.execute("select 1 from pg_trigger where tgrelid = 'followed.later'::regclass").fetchone()


def test_an_existing_home_gets_its_triggers(stack):
    from maquette.embedded.compat import prepare_database
    from maquette.embedded.home import load_secrets

    followed = {"projects", "runs", "gaussian_splat_models", "refinement_metrics", "events"}
    query = "select coalesce(array_agg(tgrelid::regclass::text order by 1), '{}') from pg_trigger"
    query += " where tgname = 'realtime_tell_change' and tgrelid::regclass::text = any(%s)"
    connections = stack.connections
    assert set(sql(connections, query, [list(followed)])) == followed
    for table in followed:
        sql(connections, f"drop trigger realtime_tell_change on {table}")
    secrets = load_secrets(stack.home)
    for _ in range(2):
        prepare_database(stack.postgres.port, secrets.admin_password, secrets.database_password)
        assert set(sql(connections, query, [list(followed)])) == followed
