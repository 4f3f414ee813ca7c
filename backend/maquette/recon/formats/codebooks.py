"""Many numbers by few: the best 256 values for numbers, the best palette for vectors (k-means, Lloyd 1982).

Both learn from a sample, so that a million Gaussians cost seconds, and give the same for the same content.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int
from numpy import ndarray

_BINS = 8192
_ITERATIONS = 12
_TREE_ITERATIONS = 6
_ROWS_AT_A_TIME = 16_384


def codebook(values: Float32[ndarray, " n"], size: int = 256) -> Float32[ndarray, " size"]:
    """``size`` values in rising order that stand for all, the smallest and the largest among them.

    Lloyd's iteration on a histogram, from quantiles and evenly spaced values mixed: outliers keep a value nearby.
    """
    low, high = float(values.min()), float(values.max())
    counts, edges = np.histogram(values, _BINS, (low, high) if high > low else (low - 0.5, low + 0.5))
    centres = (edges[:-1] + edges[1:]) / 2
    start = np.quantile(values.astype(np.float64), np.linspace(0, 1, size // 2))
    book = np.sort(np.concatenate([start, np.linspace(low, high, size - size // 2)]))
    for _ in range(_ITERATIONS):
        nearest = np.searchsorted((book[:-1] + book[1:]) / 2, centres)
        weight = np.bincount(nearest, counts, size)
        total = np.bincount(nearest, counts * centres, size)
        book = np.where(weight > 0, total / np.maximum(weight, 1), book)
    book[0], book[-1] = low, high
    return np.sort(book).astype(np.float32)


def nearest_in(book: Float32[ndarray, " b"], values: Float32[ndarray, "*shape"]) -> Int[ndarray, "*shape"]:
    """The place in the book of the value nearest to each."""
    middles = (book[:-1].astype(np.float64) + book[1:]) / 2
    return np.searchsorted(middles, values)


@dataclass(frozen=True, eq=False)
class Palette:
    """Vectors that stand for many others, sought in two steps: the nearest group, then the nearest within it."""

    vectors: Float32[ndarray, "k d"]
    groups: Float32[ndarray, "g d"]
    starts: Int[ndarray, " e"]
    """Of each group among the vectors, and their number at the end."""

    def nearest(self, rows: Float32[ndarray, "n d"]) -> Int[ndarray, " n"]:
        """The place in the palette that stands for each row."""
        group = _nearest(self.groups, rows)
        places = np.empty(len(rows), np.int64)
        by_group = np.argsort(group, kind="stable")
        ends = np.searchsorted(group[by_group], np.arange(len(self.groups) + 1))
        for g in np.flatnonzero(np.diff(ends)):
            members = by_group[ends[g] : ends[g + 1]]
            first, last = self.starts[g], self.starts[g + 1]
            places[members] = first + _nearest(self.vectors[first:last], rows[members])
        return places


def palette(sample: Float32[ndarray, "n d"], size: int) -> Palette:
    """At most ``size`` vectors that stand for the sample: about sqrt(size) groups, each split on its own.

    A group gets as many as its share of the squared errors, which is what spends them best in many dimensions.
    """
    if len(sample) <= size:
        return Palette(sample, sample.mean(axis=0, keepdims=True), np.array([0, len(sample)]))
    groups = _lloyd(sample, max(1, round(size**0.5)))
    group = _nearest(groups, sample)
    errors = np.square(sample - groups[group]).sum(axis=1, dtype=np.float64) + 1e-12
    shares = np.bincount(group, errors, len(groups)) / errors.sum()
    members = np.bincount(group, minlength=len(groups))
    wanted = np.minimum(np.maximum(np.floor(shares * (size - len(groups))).astype(np.int64), 1), np.maximum(members, 1))
    parts = []
    for g, count in enumerate(wanted):
        own = sample[group == g]
        parts.append(_lloyd(own, int(count)) if len(own) else groups[g : g + 1])
    return Palette(np.concatenate(parts), groups, np.concatenate([[0], np.cumsum([len(part) for part in parts])]))


def _lloyd(rows: Float32[ndarray, "n d"], count: int) -> Float32[ndarray, "k d"]:
    """``count`` centres of the rows; those that no row is nearest to stay where they began."""
    centres = rows[np.linspace(0, len(rows) - 1, count).astype(np.int64)].copy()
    for _ in range(_TREE_ITERATIONS):
        nearest = _nearest(centres, rows)
        order = np.argsort(nearest, kind="stable")
        found, starts, sizes = np.unique(nearest[order], return_index=True, return_counts=True)
        centres[found] = np.add.reduceat(rows[order], starts, axis=0) / sizes[:, None].astype(np.float32)
    return centres


def _nearest(centres: Float32[ndarray, "k d"], rows: Float32[ndarray, "n d"]) -> Int[ndarray, " n"]:
    half_squares = np.square(centres).sum(axis=1) / 2
    places = np.empty(len(rows), np.int64)
    for start in range(0, len(rows), _ROWS_AT_A_TIME):
        part = rows[start : start + _ROWS_AT_A_TIME]
        places[start : start + len(part)] = np.argmin(half_squares - part @ centres.T, axis=1)
    return places
