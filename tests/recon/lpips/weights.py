"""Weight files as they are published, with small random numbers in them, made by the tests."""

from __future__ import annotations

from pathlib import Path

import torch

from maquette.recon.weights import LocalModel

BACKBONE_FILE, LINEAR_FILE = "alexnet-owt-7be5be79.pth", "alex.pth"
CHANNELS = (64, 192, 384, 256, 256)


def backbone_state(seed: int = 0) -> dict[str, torch.Tensor]:
    """A state dict as torchvision's AlexNet has it, its classifier shortened."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> torch.Tensor:
        inputs = max(1, torch.tensor(shape[1:]).prod().item())
        return torch.randn(shape, generator=generator) * (2 / inputs) ** 0.5

    state = {}
    kernels = {0: (64, 3, 11), 3: (192, 64, 5), 6: (384, 192, 3), 8: (256, 384, 3), 10: (256, 256, 3)}
    for index, (channels, inputs, kernel) in kernels.items():
        state[f"features.{index}.weight"] = normal(channels, inputs, kernel, kernel)
        state[f"features.{index}.bias"] = 0.1 * torch.randn(channels, generator=generator)
    return {**state, "classifier.1.weight": normal(2, 3)}


def linear_state(seed: int = 1) -> dict[str, torch.Tensor]:
    """The linear layers as PerceptualSimilarity has them."""
    generator = torch.Generator().manual_seed(seed)
    return {
        f"lin{i}.model.1.weight": torch.rand(1, channels, 1, 1, generator=generator)
        for i, channels in enumerate(CHANNELS)
    }


def write_model(folder: Path) -> LocalModel:
    """A whole folder of weights."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(backbone_state(), folder / BACKBONE_FILE)
    torch.save(linear_state(), folder / LINEAR_FILE)
    return LocalModel("lpips-alex", folder, "local", "BSD")
