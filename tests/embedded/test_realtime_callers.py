"""Who is told what: row security under each caller's role, and tokens that change and end."""

import time

import pytest
from tests.embedded.realtime_line import line, make_user, sql, token_for

PROJECTS = {"event": "*", "schema": "public", "table": "projects"}
RUNS = {"event": "*", "schema": "public", "table": "runs"}
EVENTS = {"event": "INSERT", "schema": "public", "table": "events"}


@pytest.fixture
def people(storage):
    """Two users with a project each."""
    made = []
    for _ in range(2):
        user = make_user(storage)
        project = sql(storage, "insert into projects (owner_id) values (%s) returning id", [user])
        made.append((user, str(project)))
    return made


def touch(storage, project, percentage=1):
    sql(storage, "update projects set progress_percentage = %s where id = %s", [percentage, project])


async def test_owners_see_their_rows_and_nobody_elses(storage, people):
    (owner, mine), (other, theirs) = people
    async with (
        line(storage, storage.publishable_key) as first,
        line(storage, token_for(storage, other)) as second,
        line(storage) as service,
    ):
        await first.follow(PROJECTS, EVENTS, token=token_for(storage, owner))
        await second.follow(PROJECTS, EVENTS, {**PROJECTS, "filter": f"id=eq.{mine}"})
        await service.follow(PROJECTS)
        touch(storage, mine)
        touch(storage, theirs)
        assert [data["record"]["id"] for data in await first.changes(1)] == [mine]
        assert [data["record"]["id"] for data in await second.changes(1)] == [theirs]
        assert [data["record"]["id"] for data in await service.changes(2)] == [mine, theirs]
        sql(storage, "select append_event(%s, null, 'progress', '{}')", [mine])
        told = await first.changes(2)
        assert sorted(data["table"] for data in told) == ["events", "projects"]
        await second.nothing()


async def test_a_delete_carries_the_key_only_whoever_is_told(storage, people):
    """As on Supabase: row security cannot be asked about a row that is gone."""
    (owner, mine), (other, _) = people
    async with line(storage, token_for(storage, other)) as stranger:
        await stranger.follow(PROJECTS)
        sql(storage, "delete from projects where id = %s", [mine])
        [data] = await stranger.changes(1)
    assert data["old_record"] == {"id": mine} and "record" not in data and owner not in str(data)


@pytest.mark.parametrize("params", [PROJECTS, {**PROJECTS, "filter": "progress_percentage=eq.1"}])
async def test_anon_is_told_nothing(storage, people, params):
    (_, mine), _ = people
    async with line(storage, storage.publishable_key) as nobody:
        message = await nobody.refusal(params)
        assert "permission denied for table projects" in message
        await nobody.refusal({"event": "*", "schema": "public"}, topic="realtime:all")
        touch(storage, mine)
        sql(storage, "delete from projects where id = %s", [mine])
        await nobody.nothing()


async def test_a_token_that_comes_late(storage, people):
    """supabase-js joins without one where subscribe() follows createClient() at once."""
    (owner, mine), _ = people
    async with line(storage, storage.publishable_key) as client:
        await client.refusal(PROJECTS)
        token = token_for(storage, owner)
        await client.send("realtime:t", "access_token", {"access_token": token})
        assert (await client.receive_event("system"))["message"] == "Subscribed to PostgreSQL"
        await client.send("realtime:t", "access_token", {"access_token": token})  # again: nothing changes
        touch(storage, mine, 4)
        assert [data["record"]["progress_percentage"] for data in await client.changes(1)] == [4]


async def test_another_users_token_changes_what_is_told(storage, people):
    (owner, mine), (other, theirs) = people
    async with line(storage, storage.publishable_key) as client:
        await client.follow(PROJECTS, token=token_for(storage, owner))
        await client.send("realtime:t", "access_token", {"access_token": token_for(storage, other)})
        assert (await client.receive_event("system"))["status"] == "ok"
        touch(storage, mine)
        touch(storage, theirs)
        assert [data["record"]["id"] for data in await client.changes(1)] == [theirs]
        for key in (storage.publishable_key, None):  # not tokens: the channel goes on as it was
            await client.send("realtime:t", "access_token", {"access_token": key})
        touch(storage, theirs, 3)
        assert [data["record"]["progress_percentage"] for data in await client.changes(1)] == [3]


BAD_TOKENS = [
    ("expired", "InvalidJWTToken", "Token has expired"),
    ("foreign", "JwtSignatureError", "Failed to validate JWT signature"),
    ("unsigned", "JwtSignatureError", "Failed to validate JWT signature"),
    ("endless", "InvalidJWTToken", "Fields `role` and `exp` are required in JWT"),
    ("postgres", "InvalidJWTToken", "Fields `role` and `exp` are required in JWT"),
    ("no token", "MalformedJWT", "The token provided is not a valid JWT"),
    (7, "MalformedJWT", "The token provided is not a valid JWT"),
]


def bad_token(storage, kind):
    import jwt

    user = make_user(storage)
    claims = {"sub": user, "role": "authenticated"}
    made = {
        "expired": token_for(storage, user, lives_s=-5),
        "foreign": token_for(storage, user, secret="another project's secret, long enough"),
        "unsigned": jwt.encode({**claims, "exp": int(time.time()) + 60}, None, algorithm="none"),
        "endless": jwt.encode(claims, storage.jwt_secret, algorithm="HS256"),
        "postgres": token_for(storage, user, role="postgres"),
    }
    return made.get(kind, kind)


@pytest.mark.parametrize(("kind", "code", "words"), BAD_TOKENS)
async def test_bad_tokens(storage, people, kind, code, words):
    (owner, mine), _ = people
    token = bad_token(storage, kind)
    async with line(storage, storage.publishable_key) as client:
        reply = await client.join(PROJECTS, token=token)
        assert reply == {"status": "error", "response": {"reason": f"{code}: {words}"}}
        await client.follow(PROJECTS, token=token_for(storage, owner), join_ref="5")
        await client.send("realtime:t", "access_token", {"access_token": token})
        system = await client.receive_event("system")
        assert (system["status"], system["extension"], system["message"]) == ("error", "system", words)
        closed = await client.receive()
        assert (closed["event"], closed["join_ref"]) == ("phx_close", "5")
        touch(storage, mine)
        await client.nothing()


async def test_a_channel_ends_with_its_token_unless_another_comes(storage, people):
    (owner, mine), _ = people
    async with line(storage, storage.publishable_key) as client:
        await client.follow(PROJECTS, token=token_for(storage, owner, lives_s=2), topic="realtime:ends")
        await client.follow(PROJECTS, token=token_for(storage, owner, lives_s=2), topic="realtime:stays")
        await client.send("realtime:stays", "access_token", {"access_token": token_for(storage, owner)})
        assert (await client.receive())["topic"] == "realtime:stays"
        over = await client.receive()
        assert over["topic"] == "realtime:ends" and over["payload"]["message"].startswith("Token has expired ")
        assert (await client.receive())["event"] == "phx_close"
        touch(storage, mine)
        assert (await client.receive())["topic"] == "realtime:stays"
        await client.alive()


async def test_an_end_in_words_is_an_end(storage, people):
    (owner, mine), _ = people
    token = token_for(storage, owner, exp=str(int(time.time()) + 60))
    async with line(storage, storage.publishable_key) as client:
        await client.follow(PROJECTS, token=token)
        touch(storage, mine)
        assert [data["record"]["id"] for data in await client.changes(1)] == [mine]


async def test_policies_that_raise_trouble_nobody_else(storage, people):
    (owner, mine), _ = people
    async with line(storage, storage.publishable_key) as odd, line(storage) as service:
        # auth.uid() casts sub to a uuid, and this is none.
        await odd.follow(PROJECTS, token=token_for(storage, "no uuid"))
        await service.follow(PROJECTS)
        touch(storage, mine)
        assert [data["record"]["id"] for data in await service.changes(1)] == [mine]
        [data] = await odd.changes(1)
        assert data["errors"] == ["Error 500: Internal Server Error, RLS policy evaluation failed"]
        assert data["record"] == {} and owner not in str(data)


async def test_tables_behind_another_table_and_many_people(storage, people):
    """Rows of runs belong to whoever owns the project; filters of each person's own."""
    (owner, mine), (other, theirs) = people
    async with line(storage, storage.publishable_key) as first, line(storage, storage.publishable_key) as second:
        for client, user, project in ((first, owner, mine), (second, other, theirs)):
            token = token_for(storage, user)
            await client.follow({**RUNS, "filter": f"project_id=eq.{project}"}, token=token)
            await client.follow({**RUNS, "filter": f"project_id=eq.{mine}"}, token=token, topic="realtime:mine")
        query = "insert into runs (project_id, step, parameters, seed, input_hash, code_version) values"
        query += " (%s, 'generate', '{}', 1, '\\x00', 'x') returning id"
        run = str(sql(storage, query, [mine]))
        told = [await first.receive() for _ in range(2)]
        assert {frame["payload"]["data"]["record"]["id"] for frame in told} == {run}
        await second.nothing()
