"""Cells of a map of regimes in words: "depth 6 at 0.3 to 0.4; depth 8 at 0.3"."""

from __future__ import annotations

import numpy as np
import xarray as xr

__all__ = ["cells_in_words"]


def cells_in_words(flags: xr.DataArray) -> str:
    """The cells (depth, init_scale) that are set; scales that follow one another are joined."""
    scales = flags["init_scale"].to_numpy()
    found = []
    for depth in flags["depth"].to_numpy():
        chosen = np.flatnonzero(flags.sel(depth=depth).transpose("init_scale").to_numpy())
        if chosen.size == 0:
            continue
        runs = np.split(chosen, np.flatnonzero(np.diff(chosen) > 1) + 1)
        parts = [f"{scales[r[0]]:g}" + (f" to {scales[r[-1]]:g}" if len(r) > 1 else "") for r in runs]
        found.append(f"depth {depth} at {', '.join(parts)}")
    return "; ".join(found) or "nowhere"
