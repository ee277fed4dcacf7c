"""Whether a network gives the same logits when the same samples pass through it twice."""

from __future__ import annotations

from collections.abc import Callable

import torch

__all__ = ["LOOKED_AT", "refuse_random"]

ROOM = {"native": 1e-4, "tf32": 1e-2, "bf16": 5e-2}
"""Of the largest logit: what two passes may differ by, since kernels may add in another order."""


LOOKED_AT = (1.0, 0.0, 0.5)
"""The alphas at which a line's network is looked at: noise of a learned size may be 0 at either end."""


def refuse_random(outputs: Callable[[], torch.Tensor], alpha: float, precision: str = "native") -> None:
    """Refuse a network whose second pass over some samples differs from its first.

    What only rarely draws, or draws by less than rounding, is not found.

    Args:
        outputs: one pass in evaluation mode; called twice.
        alpha: where on the line, for the message.
        precision: of the passes, "native", "tf32" or "bf16".

    Raises:
        ValueError: naming the largest difference of a logit.
    """
    first, second = (outputs().double() for _ in range(2))
    if first.shape != second.shape:
        raise ValueError(
            f"two passes over the same samples gave {tuple(first.shape)} and {tuple(second.shape)} outputs"
        )
    if not first.numel():
        return
    difference = torch.where(first == second, 0.0, (first - second).abs())
    both_undefined = first.isnan() & second.isnan()
    worst = float(difference.masked_fill(both_undefined, 0.0).nan_to_num(nan=torch.inf).max())
    size = float(first.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0).abs().max())
    if worst > ROOM[precision] * size:
        raise ValueError(
            f"two passes over the same samples gave logits that differ by up to {worst:.2g} at alpha = "
            f"{alpha:g}: the network is random in evaluation mode (dropout without training=self.training?) "
            "or keeps what it saw; its curve would be one draw: let it draw in training mode alone"
        )
