"""One image as numbers: which modes are read, and what becomes of each."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["image_values"]

# Of Pillow's modes, by what `Image.convert` makes of them: a palette is looked up, alpha left out.
_CONVERTED = {
    **dict.fromkeys(("P", "PA", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr"), "RGB"),
    **dict.fromkeys(("1", "LA", "La"), "L"),
}


def image_values(image: Any) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """A Pillow image as (height, width) or (height, width, 3).

    Grey (L) and RGB are as they are. A palette (P, PA) becomes RGB, black and white (1) grey of 0 and 255,
    CMYK and YCbCr RGB, each by Pillow's `Image.convert`; alpha (LA, RGBA) is left out, whatever it hides.
    Grey of 16 bits (I;16, or I within 0 to 65,535) keeps its values.

    Raises:
        ValueError: another mode, or 32-bit values beyond 16 bits.
    """
    mode = image.mode
    if mode in _CONVERTED:
        return np.asarray(image.convert(_CONVERTED[mode]))
    if mode in ("L", "RGB"):
        return np.asarray(image)
    if mode.startswith("I"):
        values = np.asarray(image)
        if values.ndim == 2 and values.min() >= 0 and values.max() <= np.iinfo(np.uint16).max:
            return values.astype(np.uint16)
        raise ValueError(
            f"is of mode {mode} with values from {values.min()} to {values.max()}: 0 to 65535 is read"
        )
    raise ValueError(f"is of mode {mode}, which is not read: save it as grey or RGB")
