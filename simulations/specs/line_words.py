"""The words of a run's `lines`: which lines it is walked on besides its paths.

A line ends in the run's own end. A word says what it starts from, or what of the line from the run's own
start walks:

    zero            zeros: the end's weights times alpha
    noise           Gaussian noise of the standard deviation of each initial tensor
    init:K          the network drawn anew, K = 1, 2, ...
    epoch:T         the state after epoch T of the training, which the run then keeps
    seed:K          the end of the same run from seed K, made first
    matched:K       the same, its hidden units permuted to those of the run's own end (fully connected)
    run:NAME        the end of a run that is in the store
    only:PATTERN    the parameters whose names match walk, all others are the end's
    layers          three families: each weight layer alone, the first m layers, the last m layers
"""

from __future__ import annotations

import re
from typing import NamedTuple

from simulations.runtime.names_in_words import shortened

__all__ = ["LineWord", "line_word"]

_FORMS = {
    "zero": "",
    "noise": "",
    "layers": "",
    "init": "[1-9][0-9]{0,5}",
    "epoch": "0|[1-9][0-9]{0,8}",
    "seed": "0|[1-9][0-9]{0,17}",
    "matched": "0|[1-9][0-9]{0,17}",
    "run": "[0-9a-f]{20}",
    "only": ".+",
}


class LineWord(NamedTuple):
    """A word and what stands behind its colon."""

    kind: str
    value: str = ""

    @property
    def number(self) -> int:
        """The value of init, epoch, seed and matched."""
        return int(self.value)


def line_word(text: str) -> LineWord:
    """A word of `lines`.

    Raises:
        ValueError: there is no such word; the message shows those there are.
    """
    kind, colon, value = text.partition(":")
    form = _FORMS.get(kind)
    if form is None or bool(colon) != bool(form) or not re.fullmatch(form, value) or not text.isprintable():
        raise ValueError(
            "lines are words zero, noise, init:K (K from 1), epoch:T, seed:K, matched:K, run:NAME (20 hex "
            f"digits), only:PATTERN and layers, got {shortened(text)}"
        )
    return LineWord(kind, value)
