"""Photos as users send them: every way a file can be wrong, and what is kept of the good ones."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from maquette.errors import MaquetteError
from maquette.recon.images import Photo, read_photo, write_photo

GPS_IFD, EXIF_IFD = 0x8825, 0x8769


def picture(width: int = 120, height: int = 80) -> np.ndarray:
    """A smooth picture whose corners tell which way is up: red top left, green top right, blue bottom left."""
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.full((height, width, 3), 128, np.uint8)
    pixels[(y < height // 2) & (x < width // 2)] = (220, 20, 20)
    pixels[(y < height // 2) & (x >= width // 2)] = (20, 220, 20)
    pixels[(y >= height // 2) & (x < width // 2)] = (20, 20, 220)
    return pixels


def save(path: Path, kind: str = "JPEG", mode: str = "RGB", **options: object) -> Path:
    Image.fromarray(picture()).convert(mode).save(path, kind, **options)
    return path


def code_of(path: Path, **options: object) -> MaquetteError:
    with pytest.raises(MaquetteError) as raised:
        read_photo(path, **options)
    assert path.name in raised.value.message
    assert raised.value.suggestion
    return raised.value


def png_announcing(width: int, height: int) -> bytes:
    """A few bytes that announce a picture of that size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_empty_file(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"")
    assert code_of(tmp_path / "a.jpg").code == "empty_file"


@pytest.mark.parametrize("content", [b"hello, this is text", b"\0" * 500, b"%PDF-1.7 ...", b"<svg/>", b"PK\x03\x04zip"])
def test_no_image_whatever_its_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "photo.jpg").write_bytes(content)
    error = code_of(tmp_path / "photo.jpg")
    assert (error.code, error.status) == ("not_an_image", 422)


def test_an_image_of_another_kind_is_named(tmp_path: Path) -> None:
    error = code_of(save(tmp_path / "photo.jpg", "GIF"))
    assert error.code == "image_format_unsupported"
    assert "GIF" in error.message


@pytest.mark.parametrize("keep", [0.02, 0.5, 0.9])
def test_truncated_jpeg(tmp_path: Path, keep: float) -> None:
    whole = save(tmp_path / "whole.jpg", quality=95).read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: int(len(whole) * keep)])
    assert code_of(tmp_path / "cut.jpg").code == "truncated_image"


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "HEIF"])
@pytest.mark.parametrize("keep", [0.1, 0.6])
def test_other_formats_cut_off_are_refused(tmp_path: Path, kind: str, keep: float) -> None:
    import pillow_heif

    pillow_heif.register_heif_opener()
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (90, 120, 3), dtype=np.uint8))
    noise.save(tmp_path / "whole", kind)
    whole = (tmp_path / "whole").read_bytes()
    (tmp_path / "cut").write_bytes(whole[: int(len(whole) * keep)])
    assert code_of(tmp_path / "cut").code in ("truncated_image", "image_corrupt")


def test_scrambled_bytes_never_escape_as_another_error(tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    for kind in ("JPEG", "PNG", "TIFF", "WEBP"):
        whole = np.frombuffer(save(tmp_path / "whole", kind).read_bytes(), np.uint8)
        for _ in range(15):
            broken = whole.copy()
            places = generator.integers(8, len(whole), 12)
            broken[places] = generator.integers(0, 256, 12)
            (tmp_path / "broken").write_bytes(broken.tobytes())
            try:
                photo = read_photo(tmp_path / "broken")
            except MaquetteError:
                continue
            assert photo.pixels.dtype == np.uint8


def test_a_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    (tmp_path / "bomb.png").write_bytes(png_announcing(40_000, 40_000))
    error = code_of(tmp_path / "bomb.png")
    assert (error.code, error.status) == ("image_too_large", 413)
    assert "40000 x 40000" in error.message


def test_the_pixel_limit_can_be_set(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", "PNG")
    assert code_of(path, max_pixels=9_599).code == "image_too_large"
    assert read_photo(path, max_pixels=9_600).width == 120


def test_too_small(tmp_path: Path) -> None:
    Image.new("RGB", (500, 63)).save(tmp_path / "strip.png")
    assert code_of(tmp_path / "strip.png").code == "image_too_small"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF"])
def test_formats_are_told_by_content(tmp_path: Path, kind: str) -> None:
    import pillow_heif

    pillow_heif.register_heif_opener()
    photo = read_photo(save(tmp_path / "named.txt", kind), name="from user")
    assert (photo.format, photo.name) == (kind.lower().replace("heif", "heic"), "from user")
    assert np.abs(photo.pixels.astype(int) - picture())[10:30, 10:50].max() < 12


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "1"])
def test_odd_modes_become_rgb(tmp_path: Path, mode: str) -> None:
    photo = read_photo(save(tmp_path / "odd", "TIFF", mode))
    assert photo.pixels.shape == (80, 120, 3)
    assert photo.alpha is None
    if mode in ("P", "CMYK"):
        assert np.abs(photo.pixels[20, 30].astype(int) - (220, 20, 20)).max() < 40


def test_sixteen_bits_keep_their_brightness(tmp_path: Path) -> None:
    values = np.linspace(0, 65535, 100 * 100).reshape(100, 100).astype(np.uint16)
    Image.fromarray(values).save(tmp_path / "deep.png")
    photo = read_photo(tmp_path / "deep.png")
    assert np.abs(photo.pixels[..., 0].astype(int) - values // 257).max() <= 1
    assert "sixteen_bit" in photo.notes


def test_floating_point_is_refused_with_words(tmp_path: Path) -> None:
    Image.fromarray(np.ones((90, 90), np.float32)).save(tmp_path / "f.tif")
    assert code_of(tmp_path / "f.tif").code == "image_format_unsupported"


def test_transparency_is_kept_as_a_mask_over_black(tmp_path: Path) -> None:
    alpha = np.full((80, 120), 255, np.uint8)
    alpha[:40] = 0
    Image.fromarray(np.dstack([picture(), alpha])).save(tmp_path / "a.png")
    photo = read_photo(tmp_path / "a.png")
    assert photo.alpha is not None
    assert photo.alpha[10, 10] == 0 and photo.alpha[70, 10] == 255
    assert photo.pixels[:40].max() == 0
    assert tuple(photo.pixels[70, 10]) == (20, 20, 220)


def test_opaque_alpha_is_no_mask(tmp_path: Path) -> None:
    assert read_photo(save(tmp_path / "a.png", "PNG", "RGBA")).alpha is None


def test_only_the_first_frame_of_an_animation(tmp_path: Path) -> None:
    frames = [Image.fromarray(picture()), Image.new("RGB", (120, 80))]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], lossless=True)
    photo = read_photo(tmp_path / "a.webp")
    assert tuple(photo.pixels[10, 10]) == (220, 20, 20)
    assert photo.notes == ("first_frame_only",)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied(tmp_path: Path, orientation: int) -> None:
    """Store the picture so that its EXIF orientation turns it upright again, and look at the corners."""
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    image = Image.fromarray(picture())
    stored = image if orientation == 1 else image.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "turned.png", exif=exif)
    photo = read_photo(tmp_path / "turned.png")
    assert np.array_equal(photo.pixels, picture())
    assert (photo.original_width, photo.original_height) == (120, 80)


def exif_with(details: dict[int, object]) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0110] = "Testcamera X"
    exif.get_ifd(EXIF_IFD).update(details)
    gps = exif.get_ifd(GPS_IFD)
    gps[1], gps[2] = "N", (52.0, 31.0, 12.0)
    return exif


def test_gps_and_everything_else_is_stripped_but_the_focal_length_is_read(tmp_path: Path) -> None:
    big = Image.fromarray(picture(3000, 2000))
    big.save(tmp_path / "phone.jpg", exif=exif_with({0xA405: 28}))
    with Image.open(tmp_path / "phone.jpg") as original:
        assert original.getexif().get_ifd(GPS_IFD)

    photo = read_photo(tmp_path / "phone.jpg")
    assert (photo.width, photo.height) == (1600, 1067)
    assert photo.focal_px == pytest.approx(28 / 36 * 1600, rel=1e-3)
    assert photo.camera_model == "Testcamera X"

    for name in ("clean.jpg", "clean.png"):
        write_photo(photo, tmp_path / "out" / name)
        with Image.open(tmp_path / "out" / name) as clean:
            assert not dict(clean.getexif())
            assert clean.size == (1600, 1067)
            assert not {"exif", "icc_profile", "comment", "xmp"} & set(clean.info)
        assert b"Testcamera" not in (tmp_path / "out" / name).read_bytes()
    assert [path.name for path in sorted((tmp_path / "out").iterdir())] == ["clean.jpg", "clean.png"]


def test_focal_length_from_millimetres_and_sensor(tmp_path: Path) -> None:
    """A 50 mm lens on a sensor of 100 px/mm: 5000 px at 3000 px stated width, so 200 px for 120 px."""
    details = {0x920A: 50.0, 0xA20E: 1000.0, 0xA210: 3, 0xA002: 3000}
    save(tmp_path / "a.jpg", exif=exif_with(details))
    assert read_photo(tmp_path / "a.jpg").focal_px == pytest.approx(200.0)


@pytest.mark.parametrize("details", [{}, {0xA405: 0}, {0xA405: 60000}, {0x920A: "wide"}, {0x920A: 50.0, 0xA20E: 0.0}])
def test_no_focal_length_rather_than_a_wrong_one(tmp_path: Path, details: dict[int, object]) -> None:
    save(tmp_path / "a.jpg", exif=exif_with(details))
    assert read_photo(tmp_path / "a.jpg").focal_px is None


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data:UserWarning")  # Pillow says so once; the photo is read
def test_a_broken_exif_block_is_no_reason_to_refuse(tmp_path: Path) -> None:
    photo = read_photo(save(tmp_path / "a.jpg", exif=b"Exif\0\0II*\0\xff\xff\xff\xffgarbage"))
    assert photo.width == 120


def test_original_resolution(tmp_path: Path) -> None:
    Image.fromarray(picture(2400, 1200)).save(tmp_path / "a.jpg")
    assert read_photo(tmp_path / "a.jpg", original_resolution=True).width == 2400
    reduced = read_photo(tmp_path / "a.jpg")
    assert (reduced.width, reduced.height, reduced.original_width) == (1600, 800, 2400)
    assert "reduced" in reduced.notes


def test_colour_profiles(tmp_path: Path) -> None:
    """A photo tagged sRGB stays; a profile that cannot be read is told of and ignored."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(picture()).save(tmp_path / "tagged.png", icc_profile=profile)
    assert np.abs(read_photo(tmp_path / "tagged.png").pixels.astype(int) - picture()).max() <= 1
    Image.fromarray(picture()).save(tmp_path / "bad.png", icc_profile=b"no profile at all")
    broken = read_photo(tmp_path / "bad.png")
    assert "profile_unreadable" in broken.notes
    assert np.array_equal(broken.pixels, picture())


def test_another_colour_space_is_brought_to_srgb(tmp_path: Path) -> None:
    """The same numbers with red and green exchanged in the profile are the other colours."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = profile.index(b"rXYZ"), profile.index(b"gXYZ")
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
    Image.fromarray(picture()).save(tmp_path / "swapped.png", icc_profile=bytes(profile))
    red_became = read_photo(tmp_path / "swapped.png").pixels[10, 10].astype(int)
    assert red_became[1] > red_became[0] + 100


def test_writing_refuses_other_suffixes_and_leaves_nothing_behind(tmp_path: Path) -> None:
    photo = Photo("a", picture(), None, 120, 80, None, None, "png")
    with pytest.raises(ValueError, match=r"\.jpg or \.png"):
        write_photo(photo, tmp_path / "a.bmp")
    assert list(tmp_path.iterdir()) == []


def test_jpeg_keeps_full_chroma(tmp_path: Path) -> None:
    write_photo(Photo("a", picture(), None, 120, 80, None, None, "png"), tmp_path / "a.jpg")
    with Image.open(io.BytesIO((tmp_path / "a.jpg").read_bytes())) as image:
        assert [component[1:3] for component in image.layer] == [(1, 1)] * 3
