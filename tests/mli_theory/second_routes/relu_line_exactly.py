"""T15 by whole numbers: a ReLU network at a rational alpha, no float rounded; the second route."""

from fractions import Fraction
from math import lcm


def exact_logits(line, sample, alpha):
    """The logits of one sample as Fractions; `line` is a ReluLine, `alpha` a Fraction."""
    values = [Fraction(float(x)) for x in sample]
    for step in line.steps:
        scale = lcm(*(value.denominator for value in values))
        whole = [int(value * scale) for value in values]
        outputs = []
        for j in range(len(step.start_weight)):
            total = (1 - alpha) * _dot(step.start_weight[j], whole) + alpha * _dot(step.end_weight[j], whole)
            bias = (1 - alpha) * Fraction(float(step.start_bias[j])) + alpha * Fraction(
                float(step.end_bias[j])
            )
            outputs.append(total / scale + bias)
        values = [
            value if value > 0 else Fraction(float(slope)) * value
            for value, slope in zip(outputs, step.slope, strict=True)
        ]
    return values


def _dot(weights, whole):
    parts = [Fraction(float(weight)) for weight in weights]
    scale = lcm(*(part.denominator for part in parts))
    return Fraction(sum(int(part * scale) * value for part, value in zip(parts, whole, strict=True)), scale)


def leader(logits):
    """The class that leads alone, None on a tie."""
    top = max(logits)
    return logits.index(top) if logits.count(top) == 1 else None
