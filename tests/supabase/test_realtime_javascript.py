"""Realtime through the unmodified supabase-js."""

import pytest

from tests.supabase.node import follow

pytestmark = pytest.mark.supabase


@pytest.fixture
def project(make_project, owner):
    """A project of the owner."""
    return make_project(owner)


@pytest.fixture
def watch(node, target):
    """Follows changes of ``bindings``; yields once the service says that it follows."""

    def watch(*bindings, token, channel="page"):
        given = {"url": target.supabase_url, "key": target.publishable_key, "token": token}
        return follow(node, "realtime.mjs", **given, channel=channel, bindings=list(bindings))

    return watch


def on(table, event="UPDATE", **more):
    return {"event": event, "schema": "public", "table": table, **more}


def subscribed(page):
    page.wait(lambda line: line.get("status") == "SUBSCRIBED")
    system = page.wait(lambda line: "system" in line)["system"]
    assert (system["status"], system["message"]) == ("ok", "Subscribed to PostgreSQL")


def named(name):
    return lambda line: line.get("change", {}).get("new", {}).get("name") == name


def rename(database, project, name):
    database.execute("update public.projects set name = %s where id = %s", [name, project])


def test_a_page_follows_its_project(watch, database, owner, project):
    mine = [on("projects", "*", filter=f"id=eq.{project}"), on("runs", "INSERT", filter=f"project_id=eq.{project}")]
    with watch(*mine, token=owner.token) as page:
        subscribed(page)
        rename(database, project, "Live")
        change = page.wait(named("Live"))["change"]
        assert (change["schema"], change["table"], change["eventType"]) == ("public", "projects", "UPDATE")
        assert (change["new"]["id"], change["old"], change["errors"]) == (str(project), {"id": str(project)}, None)
        database.execute("insert into public.runs (project_id, step) values (%s, 'upload')", [project])
        change = page.wait(lambda line: line.get("change", {}).get("table") == "runs")["change"]
        assert (change["eventType"], change["new"]["project_id"], change["old"]) == ("INSERT", str(project), {})
        database.execute("delete from public.projects where id = %s", [project])
        change = page.wait(lambda line: line.get("change", {}).get("eventType") == "DELETE")["change"]
        assert (change["new"], change["old"]) == ({}, {"id": str(project)})


def test_a_page_whose_line_was_cut_comes_back_by_itself(watch, database, owner, project):
    with watch(on("projects", filter=f"id=eq.{project}"), token=owner.token) as page:
        subscribed(page)
        for turn in ("first", "second"):
            page.send(order="drop")
            page.wait(lambda line: line.get("status") == "CHANNEL_ERROR")
            subscribed(page)
            rename(database, project, f"After the {turn} cut")
            page.wait(named(f"After the {turn} cut"))


def test_a_page_sees_what_its_user_may(watch, database, owner, other, project, make_project):
    theirs = make_project(other)
    with watch(on("projects"), token=other.token) as page:
        subscribed(page)
        rename(database, project, "Hidden")
        rename(database, theirs, "Shown")
        ours = {str(project), str(theirs)}
        change = page.wait(lambda line: line.get("change", {}).get("new", {}).get("id") in ours)["change"]
        assert change["new"]["name"] == "Shown"


def test_a_page_takes_a_new_token(watch, database, owner, other, project, make_project):
    theirs = make_project(other)
    with watch(on("projects"), token=owner.token) as page:
        subscribed(page)
        rename(database, project, "Mine")
        page.wait(named("Mine"))
        page.send(order="token", token=other.token)
        for turn in range(60):
            rename(database, theirs, f"Theirs {turn}")
            try:
                page.wait(lambda line: line.get("change", {}).get("new", {}).get("id") == str(theirs), timeout_s=0.5)
                break
            except AssertionError:
                continue
        else:
            pytest.fail("the new token was never taken up")
        rename(database, project, "Hidden now")
        rename(database, theirs, "Last")
        last = page.wait(lambda line: line.get("change", {}).get("new", {}).get("name") in ("Hidden now", "Last"))
        assert last["change"]["new"]["name"] == "Last"


def test_a_page_can_leave(watch, owner, project):
    with watch(on("projects"), token=owner.token) as page:
        subscribed(page)
        page.send(order="leave")
        assert page.wait(lambda line: line.get("status") in ("CLOSED", "CHANNEL_ERROR"))["status"] == "CLOSED"
        assert page.wait(lambda line: "left" in line)["left"] == "ok"


def test_a_page_is_told_when_a_table_is_not_published(watch, owner):
    with watch(on("artifacts"), token=owner.token) as page:
        system = page.wait(lambda line: "system" in line)["system"]
        assert system["status"] == "error"
        assert "Unable to subscribe to changes" in system["message"]
