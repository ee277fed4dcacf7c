"""Why a network's line looks as it does: what bias, depth and initialisation account for.

Comes in: a user's module, two checkpoints and data. Goes out: `Diagnosis`, and its report.
accounts.py         `diagnose`; counterfactuals.py   the lines that would be otherwise
account_errors.py   standard errors; verdict.py   the cause in words; report.py   report.md, report.json
scope.py            what the theory does not cover; thresholds.py   the rule's numbers
May import: metrics, text, mli_theory, simulations.
"""

from validation.diagnosis.accounts import Diagnosis, LineEnds, diagnose
from validation.diagnosis.report import write_diagnosis

__all__ = ["Diagnosis", "LineEnds", "diagnose", "write_diagnosis"]
