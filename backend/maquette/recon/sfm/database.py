"""COLMAP's database of one attempt: photos with their cameras, features, verified matches. Child process only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pycolmap
from PIL import Image

from maquette.recon.masks import mask_beside, read_mask, subject_of, write_mask

Report = Callable[[str, float, str], None]

_PHOTOS_PER_CALL = 4
_CALLS_PER_MATCHING = 25
_LEAST_PAIRS_PER_CALL = 40

MIN_INLIERS = 15
"""Verified matches under which two photos count as sharing nothing (COLMAP's own default)."""

_FLAT = frozenset(
    int(kind)
    for kind in (
        pycolmap.TwoViewGeometryConfiguration.PLANAR,
        pycolmap.TwoViewGeometryConfiguration.PANORAMIC,
        pycolmap.TwoViewGeometryConfiguration.PLANAR_OR_PANORAMIC,
    )
)


@dataclass(frozen=True)
class FeatureOptions:
    """How hard to look for features."""

    image_px: int
    max_features: int
    peak_threshold: float = 0.02 / 3
    """SIFT's contrast threshold; COLMAP's default (Lowe 2004 uses 0.03 on another scale)."""


def add_photos(
    database: Path,
    image_dir: Path,
    names: Sequence[str],
    focal_px: Mapping[str, float],
    *,
    camera_each: bool,
    model: str = "SIMPLE_RADIAL",
) -> None:
    """Create the database. Photos of one size and focal prior share a camera unless ``camera_each``.

    ``focal_px``: EXIF priors in pixels, for the photos that have one. Where the file exists, it is whole.
    """
    whole, database = database, database.with_suffix(".db.part")
    database.unlink(missing_ok=True)
    groups: dict[tuple[int, int, float | None, str | None], list[str]] = defaultdict(list)
    for name in names:
        with Image.open(image_dir / name) as image:
            width, height = image.size
        prior = focal_px.get(name)
        key = (width, height, float(round(prior)) if prior else None, name if camera_each else None)
        groups[key].append(name)
    pycolmap.Database.open(str(database)).close()
    for (width, height, focal, _), members in groups.items():
        options = pycolmap.ImageReaderOptions()
        options.camera_model = model
        if focal:
            options.camera_params = f"{focal},{width / 2},{height / 2},0"
        pycolmap.import_images(
            str(database),
            str(image_dir),
            camera_mode=pycolmap.CameraMode.SINGLE,
            image_names=members,
            options=options,
        )
    database.rename(whole)


def find_features(
    database: Path,
    image_dir: Path,
    names: Sequence[str],
    options: FeatureOptions,
    threads: int,
    report: Report,
    *,
    device: str = "cpu",
) -> None:
    """SIFT features of every photo (Lowe 2004), L1-root normalised (Arandjelović and Zisserman 2012).

    Where a photo has a mask, none are kept outside of the subject.
    """
    reader = pycolmap.ImageReaderOptions()
    if any(mask_beside(image_dir, name) is not None for name in names):
        reader.mask_path = str(_hard_masks(image_dir, names, database.with_suffix(".db.masks")))
    extraction = pycolmap.FeatureExtractionOptions()
    extraction.num_threads = threads
    extraction.max_image_size = options.image_px
    extraction.sift.max_num_features = options.max_features
    extraction.sift.peak_threshold = options.peak_threshold
    for start in range(0, len(names), _PHOTOS_PER_CALL):
        report("features", start / len(names), f"photo {start + 1} of {len(names)}")
        pycolmap.extract_features(
            str(database),
            str(image_dir),
            image_names=list(names[start : start + _PHOTOS_PER_CALL]),
            reader_options=reader,
            extraction_options=extraction,
            device=pycolmap.Device(device),
        )
    report("features", 1.0, f"{len(names)} photos")


def _hard_masks(image_dir: Path, names: Sequence[str], folder: Path) -> Path:
    """Masks as COLMAP takes them, ``<name>.png`` with 0 where no feature may be, in ``folder``.

    One for each photo: COLMAP passes over a photo that has none.
    """
    folder.mkdir(exist_ok=True)
    for name in names:
        with Image.open(image_dir / name) as photo:
            width, height = photo.size
        mask = mask_beside(image_dir, name)
        drawn = np.full((height, width), 255, np.uint8) if mask is None else read_mask(mask, name, width, height)
        write_mask(subject_of(drawn), folder / f"{name}.png")
    return folder


def match_pairs(
    database: Path,
    pairs: Sequence[tuple[str, str]],
    seed: int,
    threads: int,
    report: Report,
    *,
    guided: bool = False,
    device: str = "cpu",
) -> None:
    """Match and geometrically verify the pairs, some at a time so that progress can be told."""
    matching = pycolmap.FeatureMatchingOptions()
    matching.num_threads = threads
    matching.guided_matching = guided
    verification = pycolmap.TwoViewGeometryOptions()
    verification.ransac.random_seed = seed
    verification.min_num_inliers = MIN_INLIERS
    pairing = pycolmap.ImportedPairingOptions()
    pair_file = database.with_suffix(".pairs.txt")
    pairing.match_list_path = str(pair_file)
    step = max(_LEAST_PAIRS_PER_CALL, -(-len(pairs) // _CALLS_PER_MATCHING))
    for start in range(0, len(pairs), step):
        report("matching", start / len(pairs), f"pair {start + 1} of {len(pairs)}")
        pair_file.write_text("".join(f"{a} {b}\n" for a, b in pairs[start : start + step]))
        pycolmap.set_random_seed(seed)
        pycolmap.match_image_pairs(
            str(database),
            matching_options=matching,
            pairing_options=pairing,
            verification_options=verification,
            device=pycolmap.Device(device),
        )
    report("matching", 1.0, f"{len(pairs)} pairs")


@dataclass(frozen=True)
class Matched:
    """What the database knows after matching: features by photo, and photos that share verified matches.

    ``flat_share``: of all verified pairs, those that a homography explains: the camera only turned, or all is flat.
    """

    features: dict[str, int]
    neighbours: dict[str, set[str]]
    flat_share: float = 0.0

    @property
    def any(self) -> bool:
        """Whether any two photos share something."""
        return any(self.neighbours.values())


def read_matched(database: Path) -> Matched:
    """Summarise the database for the reasons given to users."""
    with pycolmap.Database.open(str(database)) as opened:
        names = {image.image_id: image.name for image in opened.read_all_images()}
        features = {name: opened.num_keypoints_for_image(image_id) for image_id, name in names.items()}
        neighbours: dict[str, set[str]] = {name: set() for name in names.values()}
        for pair_id, inliers in zip(*opened.read_two_view_geometry_num_inliers(), strict=True):
            if inliers >= MIN_INLIERS:
                first, second = (names[image_id] for image_id in pycolmap.pair_id_to_image_pair(pair_id))
                neighbours[first].add(second)
                neighbours[second].add(first)
        flat = [
            geometry.config in _FLAT
            for geometry in opened.read_two_view_geometries()[1]
            if len(geometry.inlier_matches) >= MIN_INLIERS
        ]
    return Matched(features, neighbours, sum(flat) / len(flat) if flat else 0.0)


def copy_matches(source: Path, target: Path) -> None:
    """Carry features and verified matches over to a database with the same photos and other cameras."""
    with pycolmap.Database.open(str(source)) as old, pycolmap.Database.open(str(target)) as new:
        new_ids = {image.name: image.image_id for image in new.read_all_images()}
        ids = {image.image_id: new_ids[image.name] for image in old.read_all_images()}
        for old_id, new_id in ids.items():
            new.write_keypoints(new_id, old.read_keypoints(old_id))
            new.write_descriptors(new_id, old.read_descriptors(old_id))
        pair_ids, geometries = old.read_two_view_geometries()
        for pair_id, geometry in zip(pair_ids, geometries, strict=True):
            first, second = pycolmap.pair_id_to_image_pair(pair_id)
            new.write_matches(ids[first], ids[second], old.read_matches(first, second))
            new.write_two_view_geometry(ids[first], ids[second], geometry)
