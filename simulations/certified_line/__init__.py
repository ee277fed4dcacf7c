"""The certified line of a torch module: which class leads at every real alpha (theory.md T15).

Comes in: a module, two checkpoints, data. Goes out: a `CertifiedLine`.
certify.py          `certify_line`
result.py           `CertifiedLine`, `CertifiedLinePlateau`; stored.py   as JSON
traced_steps.py     a module read as affine steps and ReLUs, by torch.fx; anything else refused by name
line_of_module.py   the user's arguments checked and opened
The arithmetic is `mli_theory.certificates.relu_line`'s. May import the rooms `line`, `user_data`, `models`
and `runtime`.
"""

from simulations.certified_line.certify import certify_line
from simulations.certified_line.result import CertifiedLine

__all__ = ["CertifiedLine", "certify_line"]
