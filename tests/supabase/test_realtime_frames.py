"""Realtime frame by frame, in both serialisations, as WIRE.md shows them."""

import uuid

import pytest
import websockets

from tests.supabase.frames import open_line
from tests.supabase.test_storage_objects import TIME

pytestmark = [pytest.mark.supabase, pytest.mark.parametrize("vsn", ["1.0.0", "2.0.0"])]


@pytest.fixture
def line(target, vsn):
    """A socket as a browser opens it."""
    with open_line(target, target.publishable_key, vsn) as line:
        yield line


@pytest.fixture
def project(make_project, owner):
    """A project of the owner."""
    return make_project(owner)


def on(table, event="*", **more):
    return {"event": event, "schema": "public", "table": table, **more}


def test_a_join_is_echoed_in_order_with_ids(line, owner, project):
    asked = [
        on("projects", filter=f"id=eq.{project}"),
        on("events", "INSERT", filter=f"project_id=eq.{project}"),
        on("runs", "UPDATE"),
    ]
    channel = line.ask("echo", *asked, token=owner.token)
    reply = channel.reply()
    assert reply.payload["status"] == "ok"
    echoed = reply.payload["response"]["postgres_changes"]
    ids = [each.pop("id") for each in echoed]
    assert echoed == asked
    assert all(isinstance(each, int) and each for each in ids)
    assert len(set(ids)) == len(ids)


def test_following_is_announced(line, vsn, owner):
    channel = line.ask("announced", on("projects"), token=owner.token)
    reply, system = channel.reply(), channel.system()
    assert system.payload == {
        "channel": "announced",
        "extension": "postgres_changes",
        "message": "Subscribed to PostgreSQL",
        "status": "ok",
    }
    assert (system.ref, system.join_ref) == (None, None)
    if vsn == "2.0.0":
        assert reply.join_ref == channel.ref


def test_an_update_carries_the_row(line, database, owner, project):
    channel = line.join("update", on("projects", "UPDATE", filter=f"id=eq.{project}"), token=owner.token)
    database.execute("update public.projects set name = 'Later', progress_percentage = 12.5 where id = %s", [project])
    frame = channel.change()
    assert (frame.ref, frame.join_ref) == (None, None)
    assert frame.payload["ids"] == channel.ids
    data = frame.payload["data"]
    keys = {"schema", "table", "commit_timestamp", "type", "errors", "columns", "record", "old_record"}
    assert set(data) == keys
    assert (data["schema"], data["table"], data["type"], data["errors"]) == ("public", "projects", "UPDATE", None)
    assert TIME.fullmatch(data["commit_timestamp"])
    record = data["record"]
    assert (record["id"], record["name"]) == (str(project), "Later")
    assert (record["progress_percentage"], record["owner_id"]) == (12.5, str(owner.id))
    assert data["old_record"] == {"id": str(project)}
    types = {column["name"]: column["type"] for column in data["columns"]}
    assert set(types) == set(record)
    expected = {"id": "uuid", "name": "text", "event_seq": "int8", "created_at": "timestamptz"}
    assert expected.items() <= types.items()


def test_an_insert_carries_the_row_and_no_old_one(line, database, owner, project):
    channel = line.join("insert", on("runs", "INSERT", filter=f"project_id=eq.{project}"), token=owner.token)
    parameters = '{"note": "' + "n" * 20_000 + '", "nested": {"list": [1, 2.5, null, true]}}'
    database.execute(
        "insert into public.runs (project_id, step, parameters) values (%s, 'generate', %s)", [project, parameters]
    )
    data = channel.change().payload["data"]
    assert (data["table"], data["type"]) == ("runs", "INSERT")
    assert not data.get("old_record")
    # More than a notification of Postgres could carry, and JSON as JSON.
    assert data["record"]["parameters"]["note"] == "n" * 20_000
    assert data["record"]["parameters"]["nested"] == {"list": [1, 2.5, None, True]}
    assert data["record"]["error"] is None


def test_a_delete_carries_the_primary_key_only(line, database, owner, project):
    channel = line.join("delete", on("projects", "DELETE", filter=f"id=eq.{project}"), token=owner.token)
    database.execute("delete from public.projects where id = %s", [project])
    data = channel.change().payload["data"]
    assert (data["table"], data["type"], data["old_record"]) == ("projects", "DELETE", {"id": str(project)})
    assert not data.get("record")


def test_one_change_names_every_subscription_it_is_for(line, database, owner, project):
    channel = line.join(
        "both",
        on("projects", "UPDATE", filter=f"id=eq.{project}"),
        on("runs"),
        on("projects", filter=f"id=eq.{project}"),
        token=owner.token,
    )
    database.execute("update public.projects set name = 'Both' where id = %s", [project])
    # The project's own insert may come first, for the subscription to everything.
    change = channel.change(lambda data: data["type"] == "UPDATE")
    assert sorted(change.payload["ids"]) == sorted([channel.ids[0], channel.ids[2]])


def test_a_heartbeat_is_answered(line):
    beat = line.beat()
    assert beat.topic == "phoenix"
    assert beat.payload == {"status": "ok", "response": {}}


def test_leaving_is_answered_and_ends_it(line, database, owner, project):
    left = line.join("left", on("projects"), token=owner.token)
    stays = line.join("stays", on("projects", "UPDATE", filter=f"id=eq.{project}"), token=owner.token)
    ref = left.send("phx_leave", {})
    answer = line.wait(left.topic, "phx_reply", lambda frame: frame.ref == ref)
    assert answer.payload["status"] == "ok"
    line.wait(left.topic, "phx_close")
    database.execute("update public.projects set name = 'After' where id = %s", [project])
    stays.change()
    line.beat()
    assert "After" not in [data["record"]["name"] for data in left.told(project)]


def test_a_new_token_changes_who_watches(line, database, owner, other, project, make_project):
    theirs = make_project(other)
    channel = line.join("refreshed", on("projects"), token=owner.token)
    database.execute("update public.projects set name = 'Mine' where id = %s", [project])
    assert channel.change().payload["data"]["record"]["id"] == str(project)
    ref = channel.send("access_token", {"access_token": other.token})

    # A real project takes the new token up after some seconds; until then the old one decides.
    for turn in range(60):
        database.execute("update public.projects set name = %s where id = %s", [f"Theirs {turn}", theirs])
        if channel.hears(lambda data: data["record"].get("id") == str(theirs), within_s=0.5):
            break
    else:
        pytest.fail("the new token was never taken up")
    database.execute("update public.projects set name = 'Hidden now' where id = %s", [project])
    database.execute("update public.projects set name = 'Last' where id = %s", [theirs])
    channel.change(lambda data: data["record"].get("name") == "Last")
    assert "Hidden now" not in [data["record"]["name"] for data in channel.told(project)]
    # A new token is not answered.
    assert [frame for frame in line.kept(channel.topic, "phx_reply") if frame.ref == ref] == []


def test_a_table_that_is_not_published_is_named_so(line, owner):
    asked = on("artifacts")
    channel = line.ask("unpublished", asked, token=owner.token)
    reply = channel.reply().payload
    assert reply["status"] == "ok"
    [echoed] = reply["response"]["postgres_changes"]
    assert {**asked, "id": echoed["id"]} == echoed
    system = channel.system().payload
    assert (system["extension"], system["status"]) == ("postgres_changes", "error")
    # subscriptions.ex in supabase/realtime, lib/extensions/postgres_cdc_rls.
    assert "Unable to subscribe to changes with given parameters" in system["message"]


@pytest.mark.parametrize("token", ["not-a-jwt", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.bm90LWEtc2lnbmF0dXJl"])
def test_a_join_with_a_bad_token_is_refused(line, token):
    reply = line.ask("refused", on("projects"), token=token).reply().payload
    assert reply["status"] == "error"
    # realtime_channel.ex in supabase/realtime: every refused join has its reason in words.
    assert reply["response"]["reason"]


def test_a_bad_key_is_refused_before_the_socket_opens(target, vsn):
    for key in (None, "", "sb_publishable_nonsense", f"nonsense-{uuid.uuid4()}"):
        with pytest.raises(websockets.InvalidStatus) as refused, open_line(target, key, vsn):
            pass
        assert refused.value.response.status_code in (401, 403)
