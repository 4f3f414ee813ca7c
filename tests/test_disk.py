import shutil

from maquette.disk import disk_low, free_bytes
from maquette.settings import Settings


def test_a_home_that_is_not_there_yet_is_measured_where_it_will_be(tmp_path):
    # Others write to this disk meanwhile.
    assert abs(free_bytes(tmp_path / "not" / "yet") - shutil.disk_usage(tmp_path).free) < 5e9


def test_the_floor_decides(tmp_path):
    free_mb = shutil.disk_usage(tmp_path).free // 1_000_000
    assert not disk_low(Settings(home=tmp_path, disk_floor_mb=0))
    assert disk_low(Settings(home=tmp_path, disk_floor_mb=2 * free_mb + 1))
