"""What a version's numbers are called, bounds included, and which version is the best of its project."""

import uuid

import psycopg
import pytest
from tests.sql.conftest import add_person

LEAST = 1e-9


@pytest.mark.parametrize(
    ("psnr", "ssim", "expected"),
    [
        (25.0, 0.85, "normal"),
        (40.0, 0.99, "normal"),
        (25.0 - LEAST, 0.85, "warning"),
        (25.0, 0.85 - LEAST, "warning"),
        (20.0, 0.75, "warning"),
        (20.0 - LEAST, 0.99, "failure"),
        (99.0, 0.75 - LEAST, "failure"),
        (0.0, -1.0, "failure"),
        (None, 0.9, None),
        (30.0, None, None),
        ("NaN", 0.9, "failure"),
        (30.0, "NaN", "failure"),
        ("Infinity", 1.0, "normal"),
    ],
)
def test_classes(database, psnr, ssim, expected):
    [found] = database.execute("select public.quality_class(%s::float8, %s::float8)", [psnr, ssim]).fetchone()
    assert found == expected


def test_each_class_begins_at_what_is_expected_of_it(database):
    bounds = database.execute("select quality_class, psnr, ssim from public.expected_quality()").fetchall()
    assert bounds == [("normal", 25, 0.85), ("warning", 20, 0.75)]
    for name, psnr, ssim in bounds:
        assert database.execute("select public.quality_class(%s, %s)", [psnr, ssim]).fetchone() == (name,)


@pytest.fixture
def versions(database, people):
    """Sets the quality of the two versions of the first person; thrown away after the test."""
    project = people[0]["project"]

    def judge(*qualities, eval_set=people[0]["eval"]):
        for version, quality in enumerate(qualities):
            database.execute(
                "update public.gaussian_splat_models set overall_quality = %s, eval_set_id = %s"
                " where project_id = %s and version = %s",
                [quality, eval_set, project, version],
            )
        best = "select version from public.best_models where project_id = %s"  # the one line of the docs
        return [version for (version,) in database.execute(best, [project]).fetchall()]

    return judge


@pytest.mark.parametrize(
    ("qualities", "best"),
    [
        ((0.5, 0.6), [1]),
        ((0.6, 0.5), [0]),
        ((0.5, 0.5), [0]),
        ((0.5, "NaN"), [0]),
        ((0.5, None), [0]),
        ((None, "NaN"), []),
    ],
)
def test_the_best_version(versions, qualities, best):
    assert versions(*qualities) == best


def test_what_was_measured_on_no_set_is_never_the_best(versions):
    assert versions(0.5, 0.9, eval_set=None) == []


def test_each_sees_the_best_of_their_own(stack, as_role):
    with psycopg.connect(stack.connections.database_url, cursor_factory=psycopg.ClientCursor) as connection:
        mine, other = add_person(connection), add_person(connection)
    rows = "select project_id from public.best_models where project_id = any(%s::uuid[])"
    asked = [[mine["project"], other["project"]]]
    found = as_role("authenticated", mine["owner"]).execute(rows, asked).fetchall()
    assert found == [(uuid.UUID(mine["project"]),)]
    assert len(as_role("service_role").execute(rows, asked).fetchall()) == 2
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        as_role("anon").execute(rows, asked)
