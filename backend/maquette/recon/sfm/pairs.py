"""Which photos to match with which: all of them when they are few, a bounded number each when they are many."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

_CLUSTERS, _ITERATIONS, _SAMPLES = 64, 8, 16_000


def every_pair(names: Sequence[str]) -> list[tuple[str, str]]:
    """All n (n - 1) / 2 pairs."""
    return list(itertools.combinations(names, 2))


def bounded_pairs(
    names: Sequence[str], descriptors: Sequence[Float32[ndarray, "_ d"]], *, overlap: int, similar: int, seed: int
) -> list[tuple[str, str]]:
    """At most n (overlap + similar) pairs: neighbours in name order, and each photo's nearest by appearance.

    ``descriptors``: local features of each photo, each row of unit length.
    """
    chosen = {(i, i + step) for step in range(1, overlap + 1) for i in range(len(names) - step)}
    appearance = describe(descriptors, seed)
    likeness = appearance @ appearance.T
    np.fill_diagonal(likeness, -np.inf)
    count = min(similar, len(names) - 1)
    nearest = np.argpartition(-likeness, count - 1, axis=1)[:, :count]
    chosen |= {(min(i, int(j)), max(i, int(j))) for i in range(len(names)) for j in nearest[i]}
    return [(names[i], names[j]) for i, j in sorted(chosen)]


def describe(descriptors: Sequence[Float32[ndarray, "_ d"]], seed: int) -> Float32[ndarray, "n v"]:
    """One vector of unit length per photo: VLAD (Jégou et al. 2010) with intra-normalisation (Arandjelović 2013)."""
    generator = np.random.default_rng(seed)
    everything = np.concatenate([block for block in descriptors if len(block)])
    sample = everything[generator.choice(len(everything), min(_SAMPLES, len(everything)), replace=False)]
    centres = _cluster(sample, generator)
    rows = []
    for block in descriptors:
        total = np.zeros_like(centres)
        if len(block):
            words = _nearest(block, centres)
            np.add.at(total, words, block - centres[words])
        total /= np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-9)
        rows.append(total.ravel() / max(float(np.linalg.norm(total)), 1e-9))
    return np.stack(rows).astype(np.float32)


def _cluster(sample: Float32[ndarray, "s d"], generator: np.random.Generator) -> Float32[ndarray, "c d"]:
    """Lloyd's algorithm."""
    centres = sample[generator.choice(len(sample), min(_CLUSTERS, len(sample)), replace=False)].copy()
    for _ in range(_ITERATIONS):
        words = _nearest(sample, centres)
        for word in range(len(centres)):
            members = sample[words == word]
            if len(members):
                centres[word] = members.mean(axis=0)
    return centres


def _nearest(rows: Float32[ndarray, "k d"], centres: Float32[ndarray, "c d"]) -> ndarray:
    distance = (centres**2).sum(axis=1) - 2.0 * rows @ centres.T
    return np.asarray(distance.argmin(axis=1))
