"""Which changes come, and to whom: tables, filters, roles.

What was committed shortly before a join may still come after it, also from the test before, so each test looks only
at the rows and the changes of its own.
"""

import time

import pytest
from psycopg import sql

from tests.supabase.frames import open_line

pytestmark = pytest.mark.supabase


@pytest.fixture
def line(target):
    """A socket as a browser opens it."""
    with open_line(target, target.publishable_key) as line:
        yield line


@pytest.fixture
def project(make_project, owner):
    """A project of the owner."""
    return make_project(owner)


def on(table, event="*", **more):
    return {"event": event, "schema": "public", "table": table, **more}


def of_row(row):
    """Whether a change is this row's."""
    return lambda data: data["record"].get("id") == str(row)


def add_run(database, project, step="generate"):
    [[run]] = database.execute(
        "insert into public.runs (project_id, step) values (%s, %s) returning id", [project, step]
    )
    return run


def add_model(database, project, run):
    """A model version with the rows it needs; answers its id."""
    [[artifact]] = database.execute(
        "insert into public.artifacts (project_id, run_id, kind, bucket, path, sha256, bytes, mime)"
        " values (%s, %s, 'model', '3d-models', %s, repeat('0', 64), 1, 'application/octet-stream') returning id",
        [project, run, f"{project}/conformance.ply"],
    )
    [[model]] = database.execute(
        "insert into public.gaussian_splat_models (project_id, run_id, view_run_id, version, method, num_gaussians,"
        " num_gaussians_unfiltered, sh_degree, iterations, model_artifact_id)"
        " values (%s, %s, %s, 0, 'generate', 1, 1, 0, 1, %s) returning id",
        [project, run, run, artifact],
    )
    return model


def test_every_published_table_is_followed(line, database, owner, project):
    names = ["projects", "runs", "gaussian_splat_models", "refinement_metrics", "events"]
    filters = dict.fromkeys(names, f"project_id=eq.{project}") | {"projects": f"id=eq.{project}"}
    channel = line.join("tables", *(on(name, filter=filters[name]) for name in names), token=owner.token)

    run = add_run(database, project)
    told = channel.change(lambda data: data["table"] == "runs")
    assert (told.payload["data"]["type"], told.payload["data"]["record"]["id"]) == ("INSERT", str(run))
    assert told.payload["ids"] == [channel.ids[names.index("runs")]]
    # In the same transaction the run becomes an event and shows on its project.
    event = channel.change(lambda data: data["table"] == "events").payload["data"]
    assert (event["type"], event["record"]["run_id"]) == ("INSERT", str(run))
    shown = channel.change(lambda data: data["table"] == "projects" and data["record"]["status"] == "processing")
    assert shown.payload["data"]["type"] == "UPDATE"

    model = add_model(database, project, run)
    told = channel.change(lambda data: data["table"] == "gaussian_splat_models").payload["data"]
    assert (told["type"], told["record"]["id"], told["record"]["version"]) == ("INSERT", str(model), 0)

    database.execute(
        "insert into public.refinement_metrics (project_id, run_id, version, split, psnr, ssim)"
        " values (%s, %s, 0, 'training', 27.25, 0.5)",
        [project, run],
    )
    told = channel.change(lambda data: data["table"] == "refinement_metrics").payload["data"]
    assert (told["type"], told["record"]["psnr"], told["record"]["view_index"]) == ("INSERT", 27.25, None)

    database.execute("update public.runs set status = 'running', attempt = 1 where id = %s", [run])
    told = channel.change(lambda data: data["table"] == "runs").payload["data"]
    assert (told["type"], told["record"]["status"], told["old_record"]) == ("UPDATE", "running", {"id": str(run)})


def test_a_schema_alone_means_all_its_published_tables(line, database, owner, project):
    channel = line.join("schema", {"event": "INSERT", "schema": "public"}, token=owner.token)
    run = add_run(database, project)
    assert channel.change(lambda data: data["table"] == "runs").payload["data"]["record"]["id"] == str(run)
    assert channel.change(lambda data: data["table"] == "events").payload["ids"] == channel.ids


@pytest.mark.parametrize(
    ("condition", "unwanted", "wanted"),
    [
        ("name=eq.wanted", "unwanted", "wanted"),
        ("name=neq.unwanted", "unwanted", "wanted"),
        ("name=in.(wanted,other)", "unwanted", "wanted"),
        ("progress_percentage=gt.50", 50, 50.5),
        ("progress_percentage=gte.50", 49.5, 50),
        ("progress_percentage=lt.50", 50, 49.5),
        ("progress_percentage=lte.50", 50.5, 50),
    ],
)
def test_a_filter_lets_through_what_it_says(line, database, owner, project, condition, unwanted, wanted):
    channel = line.join("filtered", on("projects", "UPDATE", filter=condition), token=owner.token)
    column = condition.partition("=")[0]
    change = sql.SQL("update public.projects set {} = %s where id = %s").format(sql.Identifier(column))
    fence = line.join("fence", on("projects", "UPDATE", filter=f"id=eq.{project}"), token=owner.token)
    database.execute(change, [unwanted, project])
    fence.change()
    line.beat()
    assert channel.told(project) == []
    database.execute(change, [wanted, project])
    assert channel.change(of_row(project)).payload["data"]["record"][column] == wanted


def test_a_filter_on_one_project_hides_the_others(line, database, owner, project, make_project):
    another = make_project(owner)
    channel = line.join("one", on("projects", "UPDATE", filter=f"id=eq.{project}"), token=owner.token)
    for each in (another, project):
        database.execute("update public.projects set name = 'Changed' where id = %s", [each])
    assert channel.change().payload["data"]["record"]["id"] == str(project)
    line.beat()
    assert channel.told(another) == []


def test_an_event_that_was_not_asked_for_does_not_come(line, database, owner, project):
    channel = line.join("inserts", on("projects", "INSERT"), token=owner.token)
    fence = line.join("fence", on("projects", "UPDATE", filter=f"id=eq.{project}"), token=owner.token)
    database.execute("update public.projects set name = 'Changed' where id = %s", [project])
    fence.change()
    line.beat()
    assert "UPDATE" not in [data["type"] for data in channel.told(project)]


def test_what_was_rolled_back_never_comes(line, database, owner, project):
    channel = line.join("rolled-back", on("projects", "UPDATE", filter=f"id=eq.{project}"), token=owner.token)
    with database.transaction(force_rollback=True):
        database.execute("update public.projects set name = 'Never' where id = %s", [project])
    database.execute("update public.projects set name = 'Committed' where id = %s", [project])
    assert channel.change().payload["data"]["record"]["name"] == "Committed"


def test_changes_come_in_the_order_of_their_commits(line, database, owner, project):
    channel = line.join("ordered", on("projects", "UPDATE", filter=f"id=eq.{project}"), token=owner.token)
    for turn in range(20):
        database.execute("update public.projects set name = %s where id = %s", [str(turn), project])
    names = [channel.change().payload["data"]["record"]["name"] for _ in range(20)]
    # Where changes come quickly one after another, a row may be told as it is when it is read: never backwards.
    assert names == sorted(names, key=int)
    assert names[-1] == "19"


def test_row_security_decides_who_is_told(target, line, database, owner, other, project, make_project):
    theirs = make_project(other)
    to_owner = line.join("owner", on("projects", "UPDATE"), token=owner.token)
    to_other = line.join("other", on("projects", "UPDATE"), token=other.token)
    nobody = line.ask("nobody", on("projects", "UPDATE"))
    # A role without any right to the table: some versions refuse to follow, others tell it that it may not know.
    nobody.reply()
    nobody.system()
    with open_line(target, target.secret_key) as trusted:
        to_service = trusted.join("service", on("projects", "UPDATE"))
        for each in (project, theirs):
            database.execute("update public.projects set name = 'Private' where id = %s", [each])
        for each in (project, theirs):
            assert to_service.change(of_row(each)).payload["data"]["record"]["name"] == "Private"
    to_owner.change(of_row(project))
    to_other.change(of_row(theirs))
    line.beat()
    assert to_owner.told(theirs) == to_other.told(project) == []
    assert nobody.told(project) == nobody.told(theirs) == []


def test_a_project_that_goes_takes_its_runs_along(line, database, owner, project):
    run = add_run(database, project)
    channel = line.join("cascade", on("runs", "DELETE", filter=f"id=eq.{run}"), token=owner.token)
    database.execute("delete from public.projects where id = %s", [project])
    assert channel.change().payload["data"]["old_record"] == {"id": str(run)}


def test_a_token_must_not_be_over(line, mint, owner):
    over = mint(sub=str(owner.id), role="authenticated", exp=int(time.time()) - 60)
    reply = line.ask("over", on("projects"), token=over).reply().payload
    assert reply["status"] == "error"
    assert reply["response"]["reason"]


def test_a_token_of_another_secret_joins_nothing(line, mint, owner):
    claims = {"sub": str(owner.id), "role": "service_role", "exp": int(time.time()) + 600}
    reply = line.ask("foreign", on("projects"), token=mint("a secret of thirty-two bytes or more", **claims)).reply()
    assert reply.payload["status"] == "error"
