"""No GPU is no mystery: each reason has its code, and asking costs the asker no torch."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from tests.recon.cuda.worlds import scene

from maquette.errors import UnavailableError
from maquette.recon.cuda import gpu
from maquette.recon.cuda.availability import available, judged
from maquette.recon.cuda.errors import GsplatBrokenError, NotEnoughGpuMemoryError
from maquette.recon.cuda.probe import look
from maquette.recon.train_settings import TrainSettings

H200 = {"name": "NVIDIA H200", "memory_bytes": 150 * 2**30, "free_bytes": 149 * 2**30, "capability": [9, 0]}


def run(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_importing_the_api_and_asking_for_a_gpu_import_no_torch() -> None:
    program = (
        "import sys, maquette, maquette.api.app, maquette.recon.cuda as cuda; found = cuda.available();"
        "print('torch' in sys.modules or 'gsplat' in sys.modules)"
    )
    assert run(program) == "False"


def test_a_missing_package_is_named_with_the_extra_that_brings_it() -> None:
    program = (
        "import sys; sys.modules['gsplat'] = None; import importlib.util as u; real = u.find_spec;"
        "u.find_spec = lambda name: None if name == 'gsplat' else real(name);"
        "from maquette.recon.cuda import available; print(available().as_dict())"
    )
    found = run(program)
    assert "cuda_extra_missing" in found
    assert "pip install 'maquette[cuda]'" in found


@pytest.mark.parametrize(
    ("facts", "code", "says"),
    [
        ({"torch": "2.9", "cuda": None, "device": None}, "cuda_unavailable", "torch 2.9 is built without CUDA"),
        ({"torch": "2.9", "cuda": "12.8", "device": None}, "cuda_unavailable", "torch finds none"),
        (
            {"torch": "2.9", "cuda": "12.8", "device": None, "problem": "driver too old"},
            "cuda_unavailable",
            "driver too old",
        ),
        ({"failure": "libcudart.so.12: cannot open"}, "cuda_unavailable", "libcudart"),
        (
            {
                "torch": "2.9",
                "cuda": "12.8",
                "device": {**H200, "name": "GTX 980", "capability": [5, 2]},
                "kernels": True,
            },
            "cuda_unavailable",
            "GTX 980 has compute capability 5.2, 7.0 is needed",
        ),
        ({"torch": "2.9", "cuda": "12.8", "device": H200, "kernels": False}, "gsplat_broken", "nvcc"),
    ],
)
def test_each_reason_is_told(facts: dict[str, Any], code: str, says: str) -> None:
    found = judged(facts)
    assert not found.usable
    assert found.problem is not None
    assert found.problem.code == code
    assert says in found.problem.message
    assert "train on the CPU" in found.problem.suggestion


def test_a_good_gpu_is_told_with_its_memory() -> None:
    found = judged({"torch": "2.9", "cuda": "12.8", "device": H200, "kernels": True})
    assert found.usable
    assert found.as_dict() == {
        "usable": True,
        "name": "NVIDIA H200",
        "memory_bytes": 150 * 2**30,
        "free_bytes": 149 * 2**30,
        "problem": None,
    }


def test_what_this_machine_says_agrees_with_torch() -> None:
    facts = look()
    assert (facts["device"] is None) == (not judged(facts).usable)
    if importlib.util.find_spec("gsplat") is not None:
        assert available().usable == judged(facts).usable


def test_without_a_driver_nothing_is_started_to_find_that_out() -> None:
    program = (
        "import subprocess, sys; import maquette.recon.cuda.availability as a; a.missing_package = lambda: None;"
        "a.device_files = lambda: []; a._probed = None; print(a.available().as_dict())"
    )
    found = run(program)
    assert "cuda_unavailable" in found and "no NVIDIA device" in found


def test_taking_a_gpu_that_is_not_there_is_refused() -> None:
    if look()["device"] is not None:
        pytest.skip("this machine has a GPU")
    with pytest.raises(UnavailableError) as caught:
        gpu.open_gpu()
    assert caught.value.code in ("cuda_extra_missing", "cuda_unavailable")


def test_kernels_that_cannot_be_loaded_say_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> None:
        raise RuntimeError("Error building extension 'gsplat_cuda':\nnvcc fatal : Unsupported gpu architecture\n")

    monkeypatch.setattr(gpu.importlib, "import_module", fail)
    with pytest.raises(GsplatBrokenError) as caught:
        gpu.load_kernels()
    assert "nvcc fatal : Unsupported gpu architecture" in caught.value.message
    assert caught.value.code == "gsplat_broken"

    class NoKernels:
        _C = None

    monkeypatch.setattr(gpu.importlib, "import_module", lambda name: NoKernels)
    with pytest.raises(GsplatBrokenError, match="nvcc"):
        gpu.load_kernels()


def test_too_little_memory_is_refused_with_numbers(tmp_path: Any) -> None:
    world = scene(tmp_path)
    small = gpu.training_gpu_bytes(world, TrainSettings(max_gaussians=1000), 4)
    large = gpu.training_gpu_bytes(world, TrainSettings(max_gaussians=5_000_000), 4)
    assert small < 1 * 2**30 < 10 * 2**30 < large < 40 * 2**30
    gpu.refuse_without_gpu_memory(small, 4 * 2**30)
    with pytest.raises(NotEnoughGpuMemoryError) as caught:
        gpu.refuse_without_gpu_memory(large, 4 * 2**30)
    assert caught.value.code == "not_enough_gpu_memory"
    assert "4.0 GiB are free" in caught.value.message
    assert np.isclose(float(caught.value.message.split("about ")[1].split(" GiB")[0]), large / 2**30, atol=0.06)
