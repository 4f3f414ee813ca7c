"""What the making of a texture can be told: each setting with its meaning, unit and default in one place."""

from __future__ import annotations

from dataclasses import dataclass

from maquette.errors import BadInputError


class BadTextureSettingsError(BadInputError):
    """A setting of the texture is outside its bounds."""

    code = "bad_texture_settings"


@dataclass(frozen=True)
class TextureSettings:
    """Settings of :func:`maquette.recon.texture.baking.bake_texture`."""

    size_px: int = 2048
    """Sides of the texture: a power of two, 64 to 8192."""
    photo_side_px: int = 2400
    """Long side that photos are reduced to before they are painted from, 64 to 16384."""
    samples: int = 5
    """Photos that are kept for each texel, the best ones: more of them outvote passers-by, and take 7 bytes a texel
    each. 1 to 16."""
    sharpness: float = 2.0
    """Power of the weights in the mean of a texel's photos: 1 blends them all, 8 almost takes the best one. 1 to 32."""
    unwrap_s: float = 120.0
    """Time for xatlas to pack the charts; after it triangles are laid out in pairs. 0 and more: 0 does not try."""
    even_exposures: bool = True
    """Whether photos are brought to one exposure and white balance before they are painted from."""

    def checked(self) -> TextureSettings:
        """Itself; raises :class:`BadTextureSettingsError` where a setting is out of its bounds."""
        bounds = {
            "size_px": (64, 8192),
            "photo_side_px": (64, 16384),
            "samples": (1, 16),
            "sharpness": (1, 32),
            "unwrap_s": (0, 86400),
        }
        for name, (low, high) in bounds.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise BadTextureSettingsError(
                    f"{name} is {value}.", suggestion=f"Give a number from {low} to {high}.", field=name
                )
        if self.size_px & (self.size_px - 1):
            raise BadTextureSettingsError(
                f"size_px is {self.size_px}.", suggestion="Give a power of two, such as 2048.", field="size_px"
            )
        return self

    @property
    def padding_px(self) -> int:
        """Texels between charts: what keeps them apart in the third smaller version of the texture, at 2048."""
        return max(2, self.size_px // 512)


PRESETS = {
    "fastest": TextureSettings(size_px=1024, photo_side_px=1600, samples=4, unwrap_s=60.0),
    "balanced": TextureSettings(),
    "quality": TextureSettings(size_px=4096, photo_side_px=4096, unwrap_s=300.0),
}
"""How fine the texture of each preset is."""
