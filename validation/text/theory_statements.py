"""Each statement of the theory in a line, and the files, claims and figures that it is found in.

tests/validation/docs_pages/test_theory_map.py holds this beside the files that it names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["STATEMENTS", "Statement"]


@dataclass(frozen=True)
class Statement:
    """Where a statement of docs/theory/theory.md is found in this repository.

    Attributes:
        says: it, in one line of plain English.
        modules: files that compute it; for a statement about an order, files that look whether it holds.
        tests: files of tests that hold it beside an independent route or random cases.
        claims: those whose file names it, or whose numbers stand beside its prediction.
        figures: those whose module names it.
        beyond: what theory.md says of it that its status does not.
    """

    says: str
    modules: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()
    beyond: str = ""


_LINE = "mli_theory/certificates/relu_line"
_PATH, _MODEL = "mli_theory/homogeneous_path", "mli_theory/power_model"
_EXPERIMENTS = "simulations/power_model_experiments"
_EXPLORER = "validation/html_report/formulas.js"
_ON_THE_PATH, _ON_THE_MODEL = "tests/mli_theory/homogeneous_path", "tests/mli_theory/power_model"
_AT_EDGES = "tests/mli_theory/power_model/test_laws_at_their_edges.py"
_ON_FLOWS = "tests/simulations/gradient_flow/test_gradient_flow_theorems.py"
_ON_TABLES = "tests/simulations/power_model_experiments/test_theory_tables.py"
_ON_EXPERIMENTS = "tests/simulations/power_model_experiments/test_experiments.py"
_ON_ZERO_STARTS = "tests/theorems/test_zero_start.py"
_ON_THE_EXPLORER = "tests/validation/html_report/test_report_formulas.py"
_ON_THE_GAIN = "tests/simulations/prediction/test_gain_prediction.py"
_ON_THE_MAP = "tests/validation/regimes/test_regime_map.py"
_ENDS = "validation/regimes/predicted_ends.py"

STATEMENTS: Mapping[str, Statement] = {
    "T1": Statement(
        says="Each sample is correct on one open interval of alpha, which its biases and signals give.",
        modules=(f"{_PATH}/intervals.py", f"{_PATH}/closed_form.py", _EXPLORER),
        tests=(f"{_ON_THE_PATH}/test_homogeneous_intervals.py", _ON_ZERO_STARTS, _ON_THE_EXPLORER),
        claims=("C1", "C2", "C3", "C4", "C5", "C8", "C9"),
        figures=("F1", "F2", "F4", "F5", "F6", "F8", "F9"),
    ),
    "T2": Statement(
        says="Up to alpha_2 every sample is predicted as the class of the largest bias; alpha_2 tends to 1 "
        "with depth.",
        modules=(f"{_PATH}/closed_form.py", f"{_PATH}/symbolic.py", _EXPLORER),
        tests=(
            f"{_ON_THE_PATH}/test_homogeneous_intervals.py",
            f"{_ON_THE_PATH}/test_symbolic_plateau.py",
            _ON_ZERO_STARTS,
            _ON_THE_EXPLORER,
        ),
        claims=("C5", "C6", "C9", "C11"),
        figures=("F9",),
    ),
    "T3": Statement(
        says="If all samples are correct at the end, the error never rises.",
        modules=(f"{_PATH}/closed_form.py",),
        tests=(f"{_ON_THE_PATH}/test_homogeneous_curves.py", _ON_ZERO_STARTS),
        claims=("C1", "C2", "C8", "C9"),
    ),
    "T4": Statement(
        says="With balanced classes, unequal biases and degree 3 or more the loss rises before it falls.",
        modules=(f"{_PATH}/expansion.py", _EXPLORER),
        tests=(
            f"{_ON_THE_PATH}/test_expansion.py",
            f"{_ON_THE_PATH}/test_expansion_at_its_edges.py",
            _ON_THE_EXPLORER,
        ),
        claims=("C8",),
        figures=("F8",),
    ),
    "T4'": Statement(
        says="The loss lies between two explicit curves, whatever alpha, degree, biases and class sizes.",
        modules=(f"{_PATH}/expansion.py",),
        tests=(f"{_ON_THE_PATH}/test_expansion.py",),
        claims=("C8", "C12"),
    ),
    "T5": Statement(
        says="With biases interpolated as alpha^r the error is constant after alpha = 0: no plateau.",
        modules=(f"{_PATH}/closed_form.py", "simulations/line/paths.py"),
        tests=(f"{_ON_THE_PATH}/test_homogeneous_curves.py", _ON_ZERO_STARTS),
        claims=("C3", "C9", "C11"),
    ),
    "T6": Statement(
        says="Operator norms of a ReLU network's layers give a window of alpha in which the bias decides.",
        modules=("mli_theory/operator_norm_window.py",),
        tests=("tests/mli_theory/test_operator_norm_window.py", "tests/theorems/test_pieces_and_windows.py"),
    ),
    "T7": Statement(
        says="Between sign changes of the ReLUs the logits are polynomials in alpha, of degree at most the "
        "number of layers.",
        modules=("simulations/interpolation/adaptive.py",),
        tests=("tests/theorems/test_pieces_and_windows.py",),
    ),
    "T8": Statement(
        says="Along the gradient flow, sums of biases and of phi of the weights stand still.",
        modules=(f"{_MODEL}/flow_equations.py",),
        tests=(f"{_ON_THE_MODEL}/test_flow_equations.py", "tests/theorems/test_derivatives_and_laws.py"),
        claims=("C6",),
    ),
    "T9": Statement(
        says="From small weights classes are learned one after the other, at times that the initial weights "
        "give.",
        modules=(f"{_MODEL}/learning_schedule.py",),
        tests=(f"{_ON_THE_MODEL}/test_learning_schedule.py", _AT_EDGES, _ON_FLOWS, _ON_TABLES),
        claims=("C6",),
        figures=("F3",),
    ),
    "T9b": Statement(
        says="The first class is learned between two explicit times, whatever the scale.",
        modules=(f"{_MODEL}/first_learning_time.py",),
        tests=(f"{_ON_THE_MODEL}/test_first_learning_time.py",),
    ),
    "T10": Statement(
        says="From a diagonal start on balanced data the class of the smallest initial weight has the "
        "largest bias at all times.",
        modules=(f"{_EXPERIMENTS}/learning_order.py",),
        tests=(f"{_ON_THE_MODEL}/test_bias_order.py", _ON_FLOWS, _ON_TABLES),
        claims=("C6",),
        figures=("F3",),
    ),
    "T10b": Statement(
        says="A small loss forces a margin of every sample, from the loss and the number of classes alone.",
        modules=(f"{_MODEL}/bias_bounds.py",),
        tests=(f"{_ON_THE_MODEL}/test_bias_bounds.py", _ON_FLOWS),
        claims=("C6",),
    ),
    "T10c": Statement(
        says="From that start the last class by weight is the last by loss and by bias, at all times.",
        modules=(f"{_EXPERIMENTS}/learning_order.py",),
        tests=(f"{_ON_THE_MODEL}/test_bias_order.py", _ON_FLOWS),
        claims=("C6",),
    ),
    "T11": Statement(
        says="While its bias holds the last class, the plateau's length follows from classes, degree and "
        "final loss, and tends to 2^(-1/(r-1)).",
        modules=(
            f"{_MODEL}/plateau_laws.py",
            f"{_MODEL}/crossover.py",
            f"{_MODEL}/degree_two.py",
            f"{_MODEL}/learning_schedule.py",
            _EXPLORER,
        ),
        tests=(
            f"{_ON_THE_MODEL}/test_plateau_law.py",
            f"{_ON_THE_MODEL}/test_crossover_law.py",
            f"{_ON_THE_MODEL}/test_quadratic_law.py",
            _AT_EDGES,
            _ON_FLOWS,
            _ON_TABLES,
            _ON_THE_EXPLORER,
        ),
        claims=("C6",),
        figures=("F3", "F7"),
    ),
    "T11b": Statement(
        says="With two classes the plateau's end lies between explicit bounds, below 2^(-1/(r-1)).",
        modules=(f"{_MODEL}/two_class_plateau.py",),
        tests=(f"{_ON_THE_MODEL}/test_two_class_plateau.py",),
    ),
    "T11'": Statement(
        says="At a fixed initial scale the biases are bounded, so the plateau vanishes as the loss goes to "
        "0.",
        modules=(f"{_MODEL}/bias_bounds.py",),
        tests=(f"{_ON_THE_MODEL}/test_bias_bounds.py", _AT_EDGES, _ON_FLOWS),
        claims=("C6",),
    ),
    "T12": Statement(
        says="A graph of the weights' signs tells which starts can reach a loss of 0.",
        modules=("simulations/gradient_flow/solver/reachability.py", f"{_EXPERIMENTS}/gaussian_starts.py"),
        tests=("tests/simulations/gradient_flow/test_gradient_flow_signs.py", _ON_TABLES),
        claims=("C6",),
    ),
    "T12b": Statement(
        says="The signs give the loss's limit, 0 iff their graph has no cycle, and a time to come near it.",
        modules=(f"{_MODEL}/loss_limit.py",),
        tests=(f"{_ON_THE_MODEL}/test_loss_limit.py",),
    ),
    "T12c": Statement(
        says="Where every class leans on every other the loss comes down to its limit like 1/t.",
        modules=(f"{_MODEL}/rate_to_limit.py",),
        tests=(f"{_ON_THE_MODEL}/test_rate_to_limit.py",),
    ),
    "T13": Statement(
        says="At the trained end the signal grows with the degree of the depth less the layers' retentions.",
        modules=("simulations/prediction/signal_gain.py", _ENDS),
        tests=("tests/theorems/test_derivatives_and_laws.py", _ON_THE_GAIN),
        claims=("C4",),
        figures=("F2", "F11", "F14"),
    ),
    "T14": Statement(
        says="From small initial weights the plateau starts at an alpha proportional to scale^r.",
        modules=(
            "mli_theory/start_of_plateau.py",
            f"{_EXPERIMENTS}/plateau_start.py",
            "validation/regimes/borders.py",
        ),
        tests=("tests/mli_theory/test_start_of_plateau.py", _AT_EDGES, _ON_EXPERIMENTS, _ON_THE_MAP),
        claims=("C13", "C14"),
        figures=("F14",),
    ),
    "T14b": Statement(
        says="The start of the plateau lies in an explicit bracket, from a Lipschitz constant of the signal.",
        modules=("mli_theory/start_of_plateau.py",),
        tests=("tests/mli_theory/test_start_of_plateau.py",),
    ),
    "T15": Statement(
        says="The predictions of a trained ReLU network certified at every real alpha, rounding included.",
        modules=(f"{_LINE}/__init__.py", "simulations/certified_line/__init__.py"),
        tests=(
            "tests/mli_theory/certificates/relu_line/test_soundness.py",
            "tests/mli_theory/second_routes/relu_line_exactly.py",
        ),
        figures=("F15",),
        beyond="the rounding is bounded in the modules and tested in whole numbers",
    ),
    "T16": Statement(
        says="A random small start of two classes has, with a stated probability, a plateau of stated "
        "length.",
        modules=(f"{_MODEL}/half_normal_start.py",),
        tests=(f"{_ON_THE_MODEL}/test_half_normal_start.py",),
    ),
    "M1": Statement(
        says="The trained signal times a gain measured on probes, plus the bias, gives the loss on the line.",
        modules=("simulations/prediction/gain_prediction.py",),
        tests=(_ON_THE_GAIN,),
        claims=("C1", "C2", "C3", "C4", "C5", "C8", "C9"),
        figures=("F6",),
    ),
    "M2": Statement(
        says="That gain from the two ends alone, as a product over layers of their retentions.",
        modules=("simulations/prediction/gain_prediction.py", "simulations/prediction/signal_gain.py", _ENDS),
        tests=(_ON_THE_GAIN, _ON_THE_MAP),
        claims=("C1", "C2", "C3", "C5", "C8", "C9", "C14"),
        figures=("F1", "F2", "F4", "F5", "F6", "F11", "F14"),
    ),
}
"""Every statement that theory.md names, in the order of the page."""
