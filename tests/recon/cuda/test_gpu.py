"""The GPU's memory as a second training in the same process finds it."""

from __future__ import annotations

import pytest
import torch

from maquette.recon.cuda.errors import CudaExtraMissingError, CudaUnavailableError
from maquette.recon.cuda.gpu import free_gpu_bytes, open_gpu


@pytest.mark.cuda
def test_what_torch_keeps_of_tensors_that_are_gone_is_free() -> None:
    try:
        device = open_gpu()
    except (CudaExtraMissingError, CudaUnavailableError) as error:
        pytest.skip(f"{error.code}: {error.message}")
    size = 2**30
    held = torch.empty(size, dtype=torch.uint8, device=device)
    before = free_gpu_bytes()
    del held
    assert torch.cuda.memory_reserved() >= size, "torch has not given it back"
    assert free_gpu_bytes() - before > 0.9 * size
