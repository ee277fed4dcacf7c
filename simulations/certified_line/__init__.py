"""The certified line of a torch module: which class leads at every real alpha (theory.md T15).

Comes in: a module, two checkpoints, data. Goes out: a `CertifiedLine`.
certify.py   `certify_line`, by the arithmetic of `mli_theory.certificates.relu_line`; growing.py   its file
result.py    `CertifiedLine`, `CertifiedLinePlateau`; certified_loss.py   its loss; stored.py   as JSON
traced_program.py, in_place.py   a module read by torch.fx; lowered.py, dense_layers.py   as a chain of steps
line_of_module.py   the arguments, checked
May import: line, models, runtime, user_data, mli_theory.
"""

from simulations.certified_line.certify import certify_line
from simulations.certified_line.result import CertifiedLine

__all__ = ["CertifiedLine", "certify_line"]
