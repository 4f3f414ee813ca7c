import ast
import itertools
import re
import uuid
from pathlib import Path

import pytest

from maquette.db import check
from maquette.embedded.storage.names import check_key
from maquette.storage import buckets, keys

PROJECT, RUN = uuid.uuid4(), uuid.uuid4()


def every_key():
    return [
        keys.original(PROJECT, "ab" * 32, "JPG"),
        keys.processed(PROJECT, 3, "ab" * 32),
        keys.view_image(PROJECT, RUN, 3),
        keys.scene_file(PROJECT, RUN, "cameras.json"),
        keys.depth_map(PROJECT, RUN, 3),
        keys.depth_heatmap(PROJECT, RUN, 3),
        keys.model_file(PROJECT, RUN, 0, "model.ply"),
        keys.rendered_view(PROJECT, RUN, 1, 3),
        keys.enhanced_view(PROJECT, RUN, 1, 3),
        keys.export_file(PROJECT, RUN, "model.splat"),
    ]


def test_every_key_begins_with_its_project_and_no_two_are_the_same():
    made = every_key()
    assert all(key.startswith(keys.project_prefix(PROJECT)) for key in made)
    assert len(set(made)) == len(made)


def test_storage_takes_every_key():
    assert [check_key(key) for key in every_key()] == every_key()


@pytest.mark.parametrize("name", ["../../etc/passwd", "Käse & Brot\n.ply", "a/b/c.ply", ".hidden", "x" * 400 + ".ply"])
def test_odd_names_become_one_plain_segment(name):
    key = keys.export_file(PROJECT, RUN, name)
    assert check_key(key) == key
    assert key.count("/") == 3


@pytest.mark.parametrize("name", ["", "..", "///", "é"])
def test_names_with_nothing_in_them_are_refused(name):
    with pytest.raises(ValueError, match="no object key"):
        keys.export_file(PROJECT, RUN, name)


def test_check_looks_for_the_same_buckets():
    assert sorted(buckets.BUCKETS) == sorted(check.BUCKETS)


def made_by_hand(tree):
    """Texts of a module that put something behind a project's or a run's id and a slash, as only keys do."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            for value, following in itertools.pairwise(node.values):
                if (
                    isinstance(value, ast.FormattedValue)
                    and re.search(r"project|run_id", ast.unparse(value.value))
                    and isinstance(following, ast.Constant)
                    and str(following.value).startswith("/")
                    # REST paths begin with a slash.
                    and not re.match(r"f?.(/|GET|POST)", ast.unparse(node))
                    and "/api/v1" not in ast.unparse(node)
                ):
                    yield ast.unparse(node)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod):
            text = ast.unparse(node)
            if re.search(r"project_id|project\[", text) and re.search(r"['\"](%s)?/", text):
                yield text


def test_keys_are_made_nowhere_else():
    package = Path(keys.__file__).parents[1]
    found = {
        path.relative_to(package).as_posix(): list(made_by_hand(ast.parse(path.read_text())))
        for path in package.rglob("*.py")
    }
    # It sees what it looks for: the one module that makes keys.
    assert len(found.pop("storage/keys.py")) >= 8
    assert {path: texts for path, texts in found.items() if texts} == {}
    assert list(made_by_hand(ast.parse("key = f'{project_id}/x'; other = str(project['id']) + '/x'"))) != []


def test_buckets_are_named_nowhere_else():
    package = Path(keys.__file__).parents[1]
    places = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and node.value in buckets.BUCKETS
    }
    # migrate and check may not import storage, and test_check_looks_for_the_same_buckets compares the two lists;
    # the records' lists are nouns of the API, of which one has a bucket's name.
    nouns = {"db/records.py", "db/staleness.py", "api/lists.py"}
    assert places == {"storage/buckets.py", "db/migrate.py"} | nouns
