# ruff: noqa: S608 - table names come from pg_catalog
"""Every relation and function of schema public, asked and written as each role; refusals first.

What there is comes from pg_catalog, so a table of a later migration is tested from the day it is there. A row that is
hidden (nothing found, no error) and a statement that is refused (42501) are different answers.
"""

import uuid

import psycopg
import pytest
from tests.sql.conftest import add_person

WRITES = ("insert", "update", "delete", "truncate")
CALLABLE = {
    "artifact_lineage",
    "export_lineage",
    "model_lineage",
    "expected_quality",
    "overall_quality",
    "quality_class",
    "stale_artifacts",
    "stale_models",
}
"""Functions that signed-in users may call."""
OF_THE_SERVICE = ("installation", "run_logs", "workers")
"""Tables that only the service reads and writes."""


@pytest.fixture(scope="module")
def relations(stack, people):
    """Name, kind (r table, v view) and a condition that finds a project's rows, for all of schema public."""
    with psycopg.connect(stack.connections.database_url) as connection:
        found = connection.execute(
            """
            select c.relname, c.relkind::text, array(
                select a.attname::text from pg_attribute a where a.attrelid = c.oid and a.attnum > 0
                and not a.attisdropped)
            from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')
            and c.relname <> all(%s) order by 1
        """,
            [list(OF_THE_SERVICE)],
        ).fetchall()
    names = {name for name, _, _ in found}
    assert {"projects", "runs", "events", "project_summary", "refinement_progress"} <= names and len(names) >= 16
    made = []
    for name, kind, columns in found:
        if "project_id" in columns:
            of_project = "project_id = %s"
        elif name == "projects":
            of_project = "id = %s"
        else:
            assert name == "artifact_inputs", f"say how rows of {name} belong to a project"
            of_project = "artifact_id in (select id from public.artifacts where project_id = %s)"
        made.append((name, kind, of_project, columns[0]))
    return made


def operations(kind):
    """A view of several tables cannot be written by anybody; tests/sql/test_catalogue.py looks at its rights."""
    return ("select",) if kind == "v" else ("select", *WRITES)


def attempt(connection, operation, name, column):
    """The statement of an operation on all rows that are seen, without a change that a constraint could refuse."""
    statement = {
        "select": f"select from public.{name}",
        # Rows that are there already, again: nothing is added, but the right to add is asked for.
        "insert": f"insert into public.{name} ({column}) select {column} from public.{name} where false",
        "update": f"update public.{name} set {column} = {column}",
        "delete": f"delete from public.{name}",
        "truncate": f"truncate public.{name}",
    }[operation]
    return connection.execute(statement)


@pytest.mark.parametrize("name", OF_THE_SERVICE)
@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_what_is_the_services_own_is_nobody_elses(as_role, people, name, role):
    """Not even who owns the run that a log is of: the API serves it, without paths and for its owner alone."""
    for operation in ("select", *WRITES):
        user = people[0]["owner"] if role == "authenticated" else None
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            column = "run_id" if name == "run_logs" else "id"
            attempt(as_role(role, user), operation, name, column)


def test_anon_is_refused_everything(as_role, relations):
    for name, kind, _, column in relations:
        for operation in operations(kind):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                attempt(as_role("anon"), operation, name, column)


@pytest.mark.parametrize("who", ["owner", "other"])
def test_signed_in_users_are_refused_every_write(as_role, people, relations, who):
    user = people[0]["owner"] if who == "owner" else str(uuid.uuid4())
    for name, kind, _, column in relations:
        for operation in operations(kind)[1:]:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                attempt(as_role("authenticated", user), operation, name, column)


def test_rows_of_others_are_hidden_and_ones_own_are_not(as_role, people, relations):
    first, second = people
    for me, other in ((first, second), (second, first)):
        connection = as_role("authenticated", me["owner"])
        for name, _, of_project, _ in relations:
            counting = f"select count(*) from public.{name}"
            [seen] = connection.execute(counting).fetchone()
            [own] = connection.execute(f"{counting} where {of_project}", [me["project"]]).fetchone()
            [hidden] = connection.execute(f"{counting} where {of_project}", [other["project"]]).fetchone()
            assert own > 0, f"tests/sql/conftest.py puts no row into {name}"
            assert (seen, hidden) == (own, 0), name


def test_a_user_without_projects_and_a_token_without_a_user_see_nothing(as_role, people, relations):
    for user in (str(uuid.uuid4()), None):
        connection = as_role("authenticated", user)
        for name, _, _, _ in relations:
            assert connection.execute(f"select count(*) from public.{name}").fetchone() == (0,), name


def test_the_service_reads_everything(as_role, people, relations):
    connection = as_role("service_role")
    for name, _, of_project, _ in relations:
        for person in people:
            [seen] = connection.execute(
                f"select count(*) from public.{name} where {of_project}", [person["project"]]
            ).fetchone()
            assert seen > 0, name


def test_the_service_writes_every_table(as_role, people, relations):
    project = people[0]["project"]
    for name, kind, of_project, column in relations:
        if kind != "r":
            continue
        connection = as_role("service_role")
        # The row as it is, again: a duplicate is passed over only after all rights are checked.
        again = connection.execute(
            f"insert into public.{name} select * from public.{name} where {of_project} on conflict do nothing",
            [project],
        )
        assert again.rowcount == 0
        if name in ("events", "artifact_inputs"):  # written once: tests/sql/test_events.py and test_lineage.py
            continue
        changed = connection.execute(
            f"update public.{name} set {column} = {column} where {of_project}", [project]
        ).rowcount
        assert changed > 0, name


def test_the_service_deletes_a_project_with_all_its_rows(stack, as_role, relations):
    with psycopg.connect(stack.connections.database_url, cursor_factory=psycopg.ClientCursor) as connection:
        person = add_person(connection)
    connection = as_role("service_role")
    assert connection.execute("delete from public.projects where id = %s", [person["project"]]).rowcount == 1
    for name, _, of_project, _ in relations:
        left = connection.execute(f"select count(*) from public.{name} where {of_project}", [person["project"]])
        assert left.fetchone() == (0,), name


def test_nothing_outside_public_is_open_to_clients(as_role):
    for role in ("anon", "authenticated", "service_role"):
        for name in ("maquette.maquette_migrations", "jobs.procrastinate_jobs"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                as_role(role).execute(f"select from {name}")


def test_functions_as_each_role(database):
    functions = database.execute("""
        select p.proname::text, p.prorettype = 'trigger'::regtype,
               array(select r from unnest(array['anon', 'authenticated', 'service_role']) r
                     where has_function_privilege(r, p.oid, 'execute'))
        from pg_proc p where p.pronamespace = 'public'::regnamespace
    """).fetchall()
    assert CALLABLE | {"append_event"} <= {name for name, _, _ in functions}
    for name, is_trigger, roles in functions:
        if name in CALLABLE:
            assert roles == ["authenticated", "service_role"], name
        elif is_trigger:
            # Nobody calls these by hand, and no grant is needed for a trigger to fire.
            assert "anon" not in roles and "authenticated" not in roles, name
        else:
            assert roles == ["service_role"], name


def test_writing_history_is_refused_to_users(as_role, people):
    call = "select public.append_event(%s, null, 'x', '{}')"
    for role in ("anon", "authenticated"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            as_role(role, people[0]["owner"]).execute(call, [people[0]["project"]])
    [seq] = as_role("service_role").execute(call, [people[0]["project"]]).fetchone()
    assert seq > 1


@pytest.mark.parametrize(
    ("call", "names"),
    [
        ("public.artifact_lineage(%s)", ["a"]),
        ("public.export_lineage(%s)", ["export"]),
        ("public.model_lineage(%s, 1)", ["project"]),
    ],
)
def test_lineage_of_others_is_hidden(as_role, people, call, names):
    first, second = people
    trace, values = f"select path from {call}", [first[name] for name in names]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        as_role("anon").execute(trace, values)
    assert as_role("authenticated", second["owner"]).execute(trace, values).fetchall() == []
    for role, user in (("authenticated", first["owner"]), ("service_role", None)):
        found = as_role(role, user).execute(trace, values).fetchall()
        assert [path for (path,) in found] == [f"{first['project']}/a", f"{first['project']}/b"]
