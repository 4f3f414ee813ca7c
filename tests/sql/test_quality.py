"""What a version's numbers are called, bounds included, and which version is the best of its project."""

import uuid

import psycopg
import pytest
from tests.sql.conftest import add_person

from maquette.recon.quality import overall_quality

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

    def judge(*qualities, eval_set=people[0]["eval"], lpips=(None, None), depth=(None, None), degraded=(False, False)):
        for version, quality in enumerate(qualities):
            database.execute(
                "update public.gaussian_splat_models set psnr = 40 * %(q)s::float8, ssim = %(q)s,"
                " eval_set_id = %(set)s, lpips = %(lpips)s, depth_consistency = %(depth)s, degraded = %(degraded)s"
                " where project_id = %(project)s and version = %(version)s",
                {
                    "q": quality,
                    "set": eval_set,
                    "lpips": lpips[version],
                    "depth": depth[version],
                    "degraded": degraded[version],
                    "project": project,
                    "version": version,
                },
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


@pytest.mark.parametrize("name", ["lpips", "depth"])
def test_a_term_counts_where_all_versions_have_it(versions, name):
    assert versions(0.5, 0.6, **{name: (1.0, 1.0)}) == [1]
    fine, poor = (0.0, 0.9) if name == "lpips" else (0.9, 0.1)
    assert versions(0.5, 0.55, **{name: (fine, poor)}) == [0], "by much better in the term that both have"
    assert versions(0.5, 0.55, **{name: (fine, None)}) == [1], "what only one has counts for neither"
    assert versions(0.55, 0.5, **{name: (poor, None)}) == [0]


def test_a_sound_version_is_better_than_any_degraded_one(versions):
    assert versions(0.9, 0.3, degraded=(True, False)) == [1]
    assert versions(0.3, 0.9, degraded=(True, True)) == [1]


@pytest.mark.parametrize("lpips", [None, 0.0, 0.25, 1.7])
@pytest.mark.parametrize("depth", [None, 0.0, 0.9, 1.0])
@pytest.mark.parametrize(("psnr", "ssim"), [(23.4567, 0.8123), (0.0, -0.3), (55.0, 1.0), (31.1, 0.97)])
def test_the_formula_is_the_one_of_python(database, psnr, ssim, lpips, depth):
    ask = "select public.overall_quality(%s::float8, %s::float8, %s::float8, %s::float8)"
    [found] = database.execute(ask, [psnr, ssim, lpips, depth]).fetchone()
    assert found == pytest.approx(overall_quality(psnr, ssim, lpips, depth), abs=1e-12)


@pytest.mark.parametrize("numbers", [(None, 0.5, 0.1, 0.9), (20.0, None, 0.1, 0.9), (None,) * 4])
def test_nothing_is_measured_without_psnr_and_ssim(database, numbers):
    ask = "select public.overall_quality(%s::float8, %s::float8, %s::float8, %s::float8)"
    assert database.execute(ask, numbers).fetchone() == (None,)


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
