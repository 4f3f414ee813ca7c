"""Pairs to match: all when few; bounded, and still the right ones, when many."""

from __future__ import annotations

import numpy as np

from maquette.recon.sfm.pairs import bounded_pairs, describe, every_pair

WORDS, PLACES = 400, 30


def walk(photos: int, seed: int = 0) -> list[np.ndarray]:
    """Descriptors of photos along a closed walk: each place has its own words, neighbours share two thirds."""
    generator = np.random.default_rng(seed)
    words = generator.normal(size=(WORDS, 32)).astype(np.float32)
    words /= np.linalg.norm(words, axis=1, keepdims=True)
    blocks = []
    for photo in range(photos):
        first = photo * WORDS // photos
        seen = words[(first + np.arange(60)) % WORDS]
        noisy = seen + 0.05 * generator.normal(size=seen.shape).astype(np.float32)
        blocks.append((noisy / np.linalg.norm(noisy, axis=1, keepdims=True)).astype(np.float32))
    return blocks


def test_every_pair() -> None:
    assert every_pair(["a", "b", "c"]) == [("a", "b"), ("a", "c"), ("b", "c")]


def test_the_number_of_pairs_grows_linearly() -> None:
    for photos in (70, 140):
        names = [f"{i:03d}" for i in range(photos)]
        pairs = bounded_pairs(names, walk(photos), overlap=4, similar=6, seed=0)
        assert len(pairs) <= photos * 10
        assert len(set(pairs)) == len(pairs)
        assert all(first < second for first, second in pairs)


def test_look_alikes_are_found_wherever_they_are_in_the_list() -> None:
    """Shuffled, name order says nothing: the neighbours of the walk must come from appearance."""
    photos = 80
    order = np.random.default_rng(3).permutation(photos)
    blocks = walk(photos)
    names = [f"{i:03d}" for i in range(photos)]
    pairs = set(bounded_pairs(names, [blocks[i] for i in order], overlap=0, similar=6, seed=0))
    place = {int(step): position for position, step in enumerate(order)}
    found = 0
    for step in range(photos):
        first, second = sorted((place[step], place[(step + 1) % photos]))
        found += (names[first], names[second]) in pairs
    assert found >= 0.95 * photos


def test_a_photo_without_features_does_no_harm() -> None:
    blocks = [*walk(10), np.zeros((0, 32), np.float32)]
    vectors = describe(blocks, 0)
    assert np.isfinite(vectors).all()
    assert np.allclose(np.linalg.norm(vectors[:10], axis=1), 1.0, atol=1e-4)
    assert not vectors[10].any()


def test_the_same_seed_gives_the_same_vectors() -> None:
    assert np.array_equal(describe(walk(12), 5), describe(walk(12), 5))
