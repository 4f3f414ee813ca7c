import uuid

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
