"""A torch module at a rational alpha in Fractions, in plain loops: the second route of T15's layers."""

from fractions import Fraction
from itertools import product
from math import sqrt

import numpy as np
from torch import nn

from tests.mli_theory.second_routes.relu_line_exactly import exact_logits

__all__ = ["exact_logits", "exact_module"]


def exact_module(modules, start, end, x, alpha):
    """The output of layers in a row, on one sample; ("residual", layers) adds their input to their output.

    A list of modules, with the names of their tensors: (name, module). `x` is an array of Fractions.
    """
    for name, module in modules:
        if name == "residual":
            x = x + exact_module(module, start, end, x, alpha)
        else:
            x = LAYERS[type(module)](module, name, start, end, x, alpha)
    return x


def fractions(array):
    return np.array([Fraction(float(v)) for v in np.ravel(array)], dtype=object).reshape(np.shape(array))


def tensor(start, end, name, alpha):
    first, last = (fractions(state[name].double().numpy()) for state in (start, end))
    return (1 - alpha) * first + alpha * last


def linear(module, name, start, end, x, alpha):
    out = tensor(start, end, f"{name}.weight", alpha) @ x
    return out if module.bias is None else out + tensor(start, end, f"{name}.bias", alpha)


def padded(x, padding, value):
    wide = np.full((x.shape[0], x.shape[1] + 2 * padding, x.shape[2] + 2 * padding), value, dtype=object)
    wide[:, padding : padding + x.shape[1], padding : padding + x.shape[2]] = x
    return wide


def convolution(module, name, start, end, x, alpha):
    weight = tensor(start, end, f"{name}.weight", alpha)
    (k, _), (s, _), (p, _), (d, _) = module.kernel_size, module.stride, module.padding, module.dilation
    wide = padded(x, p, Fraction(0))
    size = (wide.shape[1] - d * (k - 1) - 1) // s + 1
    out = np.full((len(weight), size, size), Fraction(0), dtype=object)
    a_group, an_out = x.shape[0] // module.groups, len(weight) // module.groups
    for o, i, j in product(range(len(weight)), range(size), range(size)):
        first = o // an_out * a_group
        for c, u, v in product(range(a_group), range(k), range(k)):
            out[o, i, j] += weight[o, c, u, v] * wide[first + c, i * s + d * u, j * s + d * v]
    return out if module.bias is None else out + tensor(start, end, f"{name}.bias", alpha)[:, None, None]


def windows(module, x, value):
    k, s, p = module.kernel_size, module.stride, module.padding
    wide = padded(x, p, value)
    size = (wide.shape[1] - k) // s + 1
    out = np.empty((x.shape[0], size, size), dtype=object)
    for c, i, j in product(range(x.shape[0]), range(size), range(size)):
        out[c, i, j] = [v for v in wide[c, i * s : i * s + k, j * s : j * s + k].ravel() if v is not None]
    return out


def each(function, array):
    return np.array([function(v) for v in array.ravel()], dtype=object).reshape(array.shape)


def average(module, name, start, end, x, alpha):
    share = Fraction(1.0 / module.kernel_size**2)  # padding counts as zeros
    return each(lambda window: sum(window) * share, windows(module, x, Fraction(0)))


def maximum(module, name, start, end, x, alpha):
    return each(max, windows(module, x, None))


def unit(module, name, start, end, x, alpha):
    slope = Fraction(float(getattr(module, "negative_slope", 0.0)))
    return each(lambda v: v if v > 0 else slope * v, x)


def norm(module, name, start, end, x, alpha):
    mean, var = (end[f"{name}.running_{which}"].double().numpy() for which in ("mean", "var"))
    found = []
    for channel in range(len(x)):
        shares = []
        for state in (start, end):
            gamma, beta = (float(state[f"{name}.{which}"][channel]) for which in ("weight", "bias"))
            factor = gamma / sqrt(var[channel] + module.eps)
            shares.append((Fraction(factor), Fraction(beta - factor * mean[channel])))
        (f, g), (h, i) = shares
        found.append(((1 - alpha) * f + alpha * h) * x[channel] + (1 - alpha) * g + alpha * i)
    return np.array(found, dtype=object)


def same(module, name, start, end, x, alpha):
    return x


def flatten(module, name, start, end, x, alpha):
    return x.ravel()


LAYERS = {
    nn.Linear: linear, nn.Conv2d: convolution, nn.AvgPool2d: average, nn.MaxPool2d: maximum, nn.ReLU: unit,
    nn.LeakyReLU: unit, nn.BatchNorm2d: norm, nn.BatchNorm1d: norm, nn.Identity: same, nn.Dropout: same,
    nn.Flatten: flatten,
}  # fmt: skip
