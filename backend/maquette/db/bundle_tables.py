"""Which rows of a project travel in a bundle, and which of their columns name other rows.

A test asks ``pg_catalog`` whether a migration has brought a table or a reference that is not here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, LiteralString


@dataclass(frozen=True)
class Table:
    """``references``: the table whose ids a column holds; a table without ``has_id`` has no id of its own.

    ``left_out``: columns that mean nothing elsewhere, or are nobody else's business.
    """

    name: LiteralString
    references: Mapping[str, str] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()
    has_id: bool = True


def _artifacts(*names: str) -> dict[str, str]:
    return {f"{name}_artifact_id": "artifacts" for name in names}


TABLES: Final = (
    Table(
        "runs",
        {"continues_id": "runs"},
        # Of this queue, of callers' keys, and of how long work takes on this machine.
        frozenset(
            {
                "idempotency_key",
                "job_id",
                "turn",
                "heartbeat_at",
                "not_before",
                "cancel_requested_at",
                "workload",
                "size",
            }
        ),
    ),
    Table("artifacts", {"run_id": "runs"}),
    Table("artifact_inputs", {"artifact_id": "artifacts", "input_artifact_id": "artifacts"}, has_id=False),
    Table(
        "source_images",
        {"run_id": "runs", "replaces_id": "source_images", **_artifacts("original", "processed", "mask")},
    ),
    Table("eval_sets", {"run_id": "runs"}),
    Table(
        "multiview_generation",
        {
            "run_id": "runs",
            "made_by_run_id": "runs",
            "source_image_id": "source_images",
            "replaces_id": "multiview_generation",
            **_artifacts("image", "mask", "prior"),
        },
    ),
    Table(
        "gaussian_splat_models",
        {
            "run_id": "runs",
            "view_run_id": "runs",
            "eval_set_id": "eval_sets",
            **_artifacts("model", "unfiltered", "filtered", "checkpoint", "preview"),
        },
    ),
    Table("depth_maps", {"run_id": "runs", "view_id": "multiview_generation", **_artifacts("depth", "heatmap")}),
    Table("enhancement_iterations", {"run_id": "runs"}),
    Table(
        "enhanced_views",
        {
            "iteration_id": "enhancement_iterations",
            "view_id": "multiview_generation",
            **_artifacts("rendered", "enhanced", "confidence"),
        },
    ),
    Table("refinement_metrics", {"run_id": "runs", "view_run_id": "runs", "eval_set_id": "eval_sets"}),
    Table("training_losses", {"run_id": "runs"}),
    Table("meshes", {"run_id": "runs"}),
    Table("mesh_files", {"mesh_id": "meshes", "artifact_id": "artifacts"}),
    Table("export_history", {"run_id": "runs", "artifact_id": "artifacts"}),
)
"""What a row refers to stands before it, or in the same table."""

STAYING: Final = frozenset({"projects", "events", "share_links", "run_logs", "training_previews"})
"""Tables with rows of a project that do not travel: the project is made anew for its new owner, its history begins
with the import, links are its old owner's, and so is what processes printed; trainings under way are not carried on."""
