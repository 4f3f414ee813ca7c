"""storage.objects and storage.buckets as each role, for each bucket: what SQL itself answers, without the service.

Clients hold table rights there, as on hosted Supabase; row security decides. So a foreign row is hidden, while adding
one is refused.
"""

import uuid

import psycopg
import pytest

from maquette.storage.buckets import BUCKETS

REFUSED = psycopg.errors.InsufficientPrivilege


@pytest.fixture
def stored(stack, people, as_role):
    """A key in every bucket for each person; rows only, and gone afterwards."""
    keys = [f"{person['project']}/{uuid.uuid4()}.jpg" for person in people]
    with psycopg.connect(stack.connections.database_url) as connection:
        for bucket in BUCKETS:
            for key in keys:
                connection.execute("insert into storage.objects (bucket_id, name) values (%s, %s)", [bucket, key])
    yield keys
    as_role("anon")  # ends the test's transaction, which may hold these rows
    with psycopg.connect(stack.connections.database_url) as connection:
        connection.execute("select set_config('storage.allow_delete_query', 'true', true)")
        connection.execute("delete from storage.objects where name = any(%s)", [keys])


SEE = "select name from storage.objects where bucket_id = %s and name = any(%s)"
ADD = "insert into storage.objects (bucket_id, name) values (%s, %s)"
CHANGE = "update storage.objects set metadata = '{}' where bucket_id = %s and name = %s"
REMOVE = "delete from storage.objects where bucket_id = %s and name = %s"


def roles(people):
    first, second = people
    return {
        "anon": ("anon", None),
        "owner": ("authenticated", first["owner"]),
        "other": ("authenticated", second["owner"]),
        "service": ("service_role", None),
    }


@pytest.mark.parametrize("bucket", BUCKETS)
def test_adding_is_refused_to_all_but_the_service(as_role, people, bucket):
    key = f"{people[0]['project']}/{uuid.uuid4()}.jpg"
    for who in ("anon", "owner", "other"):
        with pytest.raises(REFUSED):
            as_role(*roles(people)[who]).execute(ADD, [bucket, key])
    assert as_role("service_role").execute(ADD, [bucket, key]).rowcount == 1


@pytest.mark.parametrize("bucket", BUCKETS)
def test_changing_finds_nothing_for_all_but_the_service(as_role, people, stored, bucket):
    for who in ("anon", "owner", "other"):
        assert as_role(*roles(people)[who]).execute(CHANGE, [bucket, stored[0]]).rowcount == 0
    assert as_role("service_role").execute(CHANGE, [bucket, stored[0]]).rowcount == 1


@pytest.mark.parametrize("bucket", BUCKETS)
def test_removing_by_sql_is_refused_to_everybody(as_role, people, stored, bucket):
    for who in ("anon", "owner", "other", "service"):
        with pytest.raises(REFUSED):
            as_role(*roles(people)[who]).execute(REMOVE, [bucket, stored[0]])


@pytest.mark.parametrize("bucket", BUCKETS)
def test_each_sees_their_own(as_role, people, stored, bucket):
    seen = {
        who: [name for (name,) in as_role(*role).execute(SEE, [bucket, stored]).fetchall()]
        for who, role in roles(people).items()
    }
    assert seen["anon"] == []
    assert seen["owner"] == [stored[0]]
    assert seen["other"] == [stored[1]]
    assert sorted(seen["service"]) == sorted(stored)


def test_a_key_outside_every_project_belongs_to_nobody(as_role, people, database):
    for key in ("x.jpg", "models/x.jpg", f"models/{people[0]['project']}/x.jpg"):
        connection = as_role("service_role")
        connection.execute(ADD, ["3d-models", key])
        connection.execute("select set_config('role', 'authenticated', true)")
        connection.execute("select set_config('request.jwt.claims', %s, true)", [f'{{"sub": "{people[0]["owner"]}"}}'])
        assert connection.execute(SEE, ["3d-models", [key]]).fetchall() == []


def test_buckets_are_hidden_and_not_to_be_changed(as_role, people):
    for who in ("anon", "owner", "other"):
        role = roles(people)[who]
        assert as_role(*role).execute("select count(*) from storage.buckets").fetchone() == (0,)
        assert as_role(*role).execute("update storage.buckets set public = true").rowcount == 0
        with pytest.raises(REFUSED):
            as_role(*role).execute("insert into storage.buckets (id, name) values ('mine', 'mine')")
    [seen] = (
        as_role("service_role")
        .execute("select count(*) from storage.buckets where id = any(%s)", [list(BUCKETS)])
        .fetchone()
    )
    assert seen == 6


def test_the_six_buckets_are_private_and_bounded(database):
    rows = database.execute(
        "select id, public, file_size_limit, allowed_mime_types from storage.buckets where id = any(%s)",
        [list(BUCKETS)],
    ).fetchall()
    assert {bucket for bucket, _, _, _ in rows} == set(BUCKETS)
    for _, public, limit, mimes in rows:
        assert public is False
        assert 1 << 20 < limit <= 5 << 30
        assert mimes and "*/*" not in mimes
