"""What the suite counts, and how the counts of several pytest processes come together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass
class Figures:
    """``injected`` counts faults by name, ``moments`` by where they hit; ``lost`` is what nothing may ever be in."""

    injected: Counter[str] = field(default_factory=Counter)
    moments: Counter[str] = field(default_factory=Counter)
    runs: Counter[str] = field(default_factory=Counter)
    checked: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)

    def fault(self, name: str, moment: str) -> None:
        self.injected[name] += 1
        self.moments[moment] += 1

    def as_dict(self) -> dict[str, object]:
        """Plain values, which cross from one pytest process to another."""
        counts = {name: dict(getattr(self, name)) for name in ("injected", "moments", "runs", "checked")}
        return {**counts, "lost": list(self.lost)}

    def add(self, other: dict[str, dict[str, int]]) -> None:
        for name in ("injected", "moments", "runs", "checked"):
            getattr(self, name).update(other[name])
        self.lost += other["lost"]

    def lines(self) -> Iterable[str]:
        """For people."""
        yield (
            f"faults: {sum(self.injected.values())} injected, {self.runs['completed']} runs finished,"
            f" {len(self.lost)} lost"
        )
        yield f"by fault: {_listed(self.injected)}"
        yield f"at: {_listed(self.moments)}"
        yield f"runs: {_listed(self.runs)}; checked: {_listed(self.checked)}"
        yield from (f"LOST: {one}" for one in self.lost)


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
