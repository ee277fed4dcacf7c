"""What users print by accident, or at a notebook's last line, stays readable."""

import numpy as np
import pytest

import mli

LONG = 200
RNG = np.random.default_rng(0)
SIGNAL, BIAS, LABELS = RNG.normal(size=(300, 30)), RNG.normal(size=30), np.arange(300) % 30


def trained():
    data = mli.load("digits", limit=60)
    return mli.train(
        mli.fcn(3, 8, 64, 10, bias="last", seed=0), data, learning_rate=0.05, max_epochs=1, seed=0
    )


def law_of_both_ends():
    run = trained()
    return mli.predict_from_endpoints(run.model, run.start, run.end, mli.load("digits", limit=60))


def diagnosis():
    run = trained()
    return mli.diagnose(run.model, run.start, run.end, mli.load("digits", limit=60), alphas=11)


MADE = {
    "Plateau": lambda: mli.plateau(SIGNAL, BIAS, LABELS, degree=5),
    "PredictedCurves": lambda: mli.predict_curves(
        SIGNAL, BIAS, LABELS, degree=5, alphas=np.linspace(0, 1, LONG)
    ),
    "LossExpansion": lambda: mli.loss_expansion(SIGNAL, BIAS, LABELS, 3),
    "Certificate": lambda: mli.certify(np.eye(4) / 10, [0] * 4, np.diag([1.0, 2, 3, 4]), [-2, -1, 0, 3], 3),
    "PlateauLaw": lambda: mli.plateau_law(10, 3, np.full(LONG, 1e-2)),
    "BiasGapBounds": lambda: mli.bias_gap_bounds(np.diag(np.linspace(0.1, 0.2, 60)), 4, 1e-5),
    "CrossoverLaw": lambda: mli.crossover_law(np.linspace(0.01, 0.02, 40), 3, 1e-3),
    "ImageDataset": lambda: mli.load("digits"),
    "TrainingResult": trained,
    "GainPrediction": law_of_both_ends,
    "Diagnosis": diagnosis,
    "Sweep": lambda: mli.read_sweep("depth_and_bias"),
    "RunSpec": lambda: mli.read_sweep("star").runs[0].spec,
    "Batch": lambda: mli.Batch((mli.load("digits").inputs,), {}, mli.load("digits").labels),
}


@pytest.mark.parametrize("name", MADE)
def test_a_result_is_a_line_of_a_screen_or_two(name):
    text = repr(MADE[name]())
    assert text.startswith(f"{name}(")
    assert len(text.splitlines()) == 1
    assert len(text) < 1500
