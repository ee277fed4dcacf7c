"""A diagnosis in words, by one rule for every network.

An account *holds* if it lengthens the error's plateau by MATERIAL or more, by more than DOUBT standard errors
over samples. That of the last-layer bias is against no such bias, unless its removal changes the trained
network, that is moves the error at alpha = 1 by more than CHANGED standard errors: then it is against a bias
that moves at alpha^r, which keeps both ends. That of the other biases counts only where their removal
changes nothing. The cause that is named is

- none, where neither loss nor error falls: there is no plateau to explain;
- where those that fall end their plateaus before LONG: a shallow network, if the degree is at most SHALLOW;
  else the initialisation, by the rule below; else none, for there is no plateau to explain;
- else the last-layer bias, if its account holds;
- else the other biases, likewise;
- else, where the theory does not cover the network (`validation.diagnosis.scope`) or its signal is undefined,
  none: the line is outside the theory;
- else the initialisation, if the effective degree is below SUPPLIED of the degree: training then supplied
  less than half of the layers' response (T13);
- else depth alone.

Where several hold, the others are told after it. For a network that the theory does not cover neither the
initialisation nor depth nor shallowness is ever named. The thresholds are in
`validation.diagnosis.thresholds`.
"""

from __future__ import annotations

import numpy as np

from validation.diagnosis.accounts import HOMOGENEOUS_BIAS, Diagnosis, LineEnds
from validation.diagnosis.thresholds import CHANGED, DOUBT, LONG, MATERIAL, SHALLOW, SUPPLIED

__all__ = ["CAUSES", "MATERIAL", "cause", "causes", "changed", "verdict"]

CAUSES = (
    "last-layer bias",
    "other biases",
    "initialisation",
    "shallow",
    "depth",
    "outside the theory",
    "no plateau to explain",
)


def cause(found: Diagnosis) -> str:
    """One of CAUSES, by the rule of this module."""
    return causes(found)[0]


def causes(found: Diagnosis) -> list[str]:
    """Of CAUSES those that hold, the one that is named first."""
    covered = found.law is not None and not found.outside
    large_start = ["initialisation"] if covered and _large_start(found) else []
    if not np.isfinite([found.ends["linear"].error, found.ends["linear"].loss]).any():
        return ["no plateau to explain"]
    if not _has_plateau(found):
        shallow = covered and found.degree <= SHALLOW
        return ["shallow"] if shallow else large_start or ["no plateau to explain"]
    holding = [name for name in ("last-layer bias", "other biases") if _holds(found, name)] + large_start
    return holding or ["depth" if covered else "outside the theory"]


def changed(found: Diagnosis, account: str) -> bool:
    """Whether an account's counterfactual is one of another trained network."""
    by, error = found.end_changes.get(account, (0.0, 0.0))
    return abs(by) > CHANGED * error * (1 + 1e-9)  # one sample alone moves it by its standard error, exactly


def _has_plateau(found: Diagnosis) -> bool:
    ends = found.ends["linear"]
    return ends.error >= LONG or ends.loss >= LONG  # a curve that does not fall has none: nan


def _holds(found: Diagnosis, name: str) -> bool:
    if changed(found, name):
        if name != "last-layer bias":
            return False
        name = HOMOGENEOUS_BIAS
    return found.accounts[name].error >= MATERIAL and not _doubtful(found, name, "error")


def _large_start(found: Diagnosis) -> bool:
    return _effective(found) < SUPPLIED * found.degree


def verdict(found: Diagnosis) -> list[str]:
    """The verdict: sentences, the first of which names the cause."""
    return [
        _headline(found) + _beside(found),
        _lengths(found),
        _biases(found),
        _start(found),
        _theory(found),
        _classes(found),
    ]


def _headline(found: Diagnosis) -> str:
    kind, ends = cause(found), found.ends["linear"]
    effective = f"{_effective(found):.2f} of {found.degree}"
    if kind == "last-layer bias":
        words = (
            "**The last-layer bias lengthens the error's plateau**: with it the plateau ends at "
            f"{_at(ends.error)}"
        )
        if changed(found, kind):
            other = found.ends["last bias homogeneous"]
            return f"{words}, had it moved at alpha^{found.degree} at {_at(other.error)}."
        return f"{words}, without it at {_at(found.ends['last bias removed'].error)}."
    if kind == "other biases":
        without = found.ends["other biases removed"]
        return (
            f"**Biases below the last layer lengthen the error's plateau**: it ends at {_at(ends.error)}, "
            f"without them at {_at(without.error)}."
        )
    if kind == "initialisation":
        return (
            f"**The initial weights decide the line**: they are so large that training supplied only "
            f"{effective} degrees "
            "of the signal's growth; the theory for small initial weights does not describe this network."
        )
    if kind == "outside the theory":
        return (
            f"**The line is outside the theory**: {_why_outside(found)}. What can be told without it follows."
        )
    if kind == "no plateau to explain":
        spent = _spent(ends, digits=3)
        rule = f", and a plateau that ends before alpha = {LONG:.2f} is none" if "spent" in spent else ""
        return f"**There is no plateau to explain**: {spent}{rule}."
    if kind == "shallow":
        return (
            f"**The network is too shallow for a plateau**: its signal grows like "
            f"alpha^{_effective(found):.2f} at "
            "the trained end and is never far behind the bias."
        )
    return (
        f"**Depth alone shapes the line**: the signal grows with an effective degree of {effective}, and no "
        "bias holds the predictions back."
    )


def _beside(found: Diagnosis) -> str:
    """The causes that hold beside the one in the headline."""
    words = {
        "other biases": "biases below the last layer lengthen the error's plateau",
        "initialisation": (
            "the initial weights are so large that training supplied only "
            f"{_effective(found):.2f} of {found.degree} degrees of the signal's growth"
        ),
    }
    more = [words[name] for name in causes(found)[1:]]
    return f" **It is not alone**: {', and '.join(more)}." if more else ""


def _lengths(found: Diagnosis) -> str:
    spent = _spent(found.ends["linear"])
    spent = spent[0].upper() + spent[1:]
    if "depth" in found.left_out:
        return f"{spent}; what depth accounts for is left out: {found.left_out['depth']}."
    error, loss = _changes(found, "depth")
    return f"{spent}; had the signal grown like alpha, the plateaus would be {error} and {loss}."


def _spent(ends: LineEnds, digits: int = 2) -> str:
    """Where a tenth of each curve's fall is spent; of a curve that does not fall only that."""
    error, loss = (f"at alpha = {end:.{digits}f}" for end in (ends.error, ends.loss))
    falls = np.isfinite([ends.error, ends.loss])
    if falls.all():
        return f"a tenth of the error's fall is spent {error}, of the loss's {loss}"
    if falls[0]:
        return f"a tenth of the error's fall is spent {error}, and the loss does not fall"
    if falls[1]:
        return f"the error does not fall, and a tenth of the loss's fall is spent {loss}"
    return "neither error nor loss falls"


def _biases(found: Diagnosis) -> str:
    if "last-layer bias" in found.left_out:
        last = f"What the last-layer bias accounts for is left out: {found.left_out['last-layer bias']}"
    elif "last bias removed" not in found.ends:
        last = "The last-layer bias is zero" if found.has_last_bias else "There is no last-layer bias"
    else:
        error, loss = _changes(found, "last-layer bias")
        last = f"Without the last-layer bias the error's plateau would be {error}, the loss's {loss}"
        last += _not_counted(found, "last-layer bias")
    if "other biases" in found.left_out:
        return f"{last}; what the other biases account for is left out: {found.left_out['other biases']}."
    if "other biases removed" not in found.ends:
        if found.roles.unsure:
            return (
                f"{last}; other biases are not found: by their names {', '.join(found.roles.unsure)} "
                "may be biases, taken as weights (name all by --bias or biases=[...])."
            )
        return f"{last}; other biases are absent or zero."
    error, loss = _changes(found, "other biases")
    return (
        f"{last}; without {'the biases' if found.roles.no_split else 'the other biases'} {error} and {loss}"
        f"{_not_counted(found, 'other biases')}."
    )


def _not_counted(found: Diagnosis, name: str) -> str:
    """That an account does not count, in brackets; "" where it does."""
    if not changed(found, name):
        return ""
    by, error = found.end_changes[name]
    words = (
        f" (not counted: their removal changes the trained network, its error at alpha = 1 by {by:+.2g} ± "
        f"{error:.1g}"
    )
    if name == "other biases":
        return f"{words})"
    words = words.replace("their", "its")
    if not np.isfinite(found.accounts[HOMOGENEOUS_BIAS].error):
        return f"{words})"
    kept = ", ".join(_changes(found, HOMOGENEOUS_BIAS))
    return f"{words}; with both ends as they are and the bias at alpha^{found.degree}: {kept})"


def _why_outside(found: Diagnosis) -> str:
    return "; ".join(found.outside) or found.left_out["depth"]


def _start(found: Diagnosis) -> str:
    if "initialisation" in found.left_out:
        return f"What the initialisation accounts for is left out: {found.left_out['initialisation']}."
    if "zero start" not in found.ends:
        return "The start is zero: there is no initialisation to account for anything."
    error, loss = _changes(found, "initialisation")
    from_zero = f"rom zero parameters the error's plateau would be {error}, the loss's {loss}."
    if found.law is None or not found.law.retention:
        return f"F{from_zero}"
    retained = np.mean(list(found.law.retention.values()))
    return (
        f"The initial weights keep a share of {retained:.2f} of the signal a layer, on average; f{from_zero}"
    )


def _effective(found: Diagnosis) -> float:
    return float("nan") if found.law is None else found.law.effective_degree


def _theory(found: Diagnosis) -> str:
    if found.law is None:
        return "The theory and the gain law need the signal, and say nothing of this line."
    law = "applies" if found.law.applies else "does not apply"
    gain = (
        f"the gain law, which knows both ends of the line, {law} (off by up to "
        f"{found.law.held_out_loss_error:.2f} nats on held-out samples)."
    )
    if found.outside:
        return f"The theory does not cover this network ({_why_outside(found)}); {gain}"
    if found.theory is None or found.theory_ends is None:
        return "The signal's degree is 1, where signal and bias grow alike: the theory predicts no plateau."
    loss = found.curves["loss"].sel(counterfactual="linear").to_numpy()
    worst = float(np.abs(loss - found.theory.loss).max())
    return (
        f"The theory for zero initial weights puts the ends at {_at(found.theory_ends.error)} and "
        f"{_at(found.theory_ends.loss)}, and the loss off by up to {worst:.2f} nats; {gain}"
    )


def _classes(found: Diagnosis) -> str:
    order = [
        int(c) for c in np.argsort(-found.half_correct, kind="stable") if not np.isnan(found.half_correct[c])
    ]
    names = ", ".join(f"{c} ({_at(found.half_correct[c])})" for c in order[:3])
    largest = (
        f" The largest last-layer bias is class {found.largest_bias}'s." if found.largest_bias >= 0 else ""
    )
    return f"The last classes of which half the samples are correct for good: {names}.{largest}"


def _at(alpha: float) -> str:
    return f"alpha = {alpha:.2f}" if np.isfinite(alpha) else "no alpha"


def _changes(found: Diagnosis, name: str) -> tuple[str, str]:
    """What the error's and the loss's plateau would be without a cause."""
    return _change(found, name, "error"), _change(found, name, "loss")


def _change(found: Diagnosis, name: str, quantity: str) -> str:
    by = -float(getattr(found.accounts[name], quantity))
    error = float(getattr(found.account_errors[name], quantity))
    if not np.isfinite(by):
        return "undefined"
    spread = f" ± {error:.2f}" if np.isfinite(error) else ""
    if abs(by) < MATERIAL:
        return f"about as long ({by:+.2f}{spread})"
    words = f"{abs(by):.2f}{spread} {'longer' if by > 0 else 'shorter'}"
    doubt = " (which these samples cannot tell from no change)"
    return words + doubt if _doubtful(found, name, quantity) else words


def _doubtful(found: Diagnosis, name: str, quantity: str) -> bool:
    """Whether an account lies within DOUBT standard errors of 0, or its standard error is not known."""
    error = float(getattr(found.account_errors[name], quantity))
    return not abs(getattr(found.accounts[name], quantity)) > DOUBT * error
