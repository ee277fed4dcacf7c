"""The line foretold from its two ends (theory.md M1, M2, T13).

Comes in: a module, two checkpoints and probe samples. Goes out: predicted loss and error over alpha.
gain_prediction.py   `predict_from_endpoints`, `predict_from_probe`
signal_gain.py       gain and direction of the signal along the line
gain_plateau.py      the interval on which one class is predicted for all
May import: line, models, runtime, user_data, mli_theory.
"""

from simulations.prediction.gain_prediction import (
    GainPrediction,
    predict_both,
    predict_from_endpoints,
    predict_from_probe,
)

__all__ = ["GainPrediction", "predict_both", "predict_from_endpoints", "predict_from_probe"]
