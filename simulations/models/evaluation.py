"""Loss and error of a network on a data set, without a trace left on the network.

Logits come from the network in its own precision; everything after them is float64. Loss in nats, averaged
over samples. A sample is correct where its label's logit is *strictly* the largest: a tie is an error.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from simulations.models.one_logit import refuse_one_logit
from simulations.models.plain_tensors import PlainTensors

__all__ = ["Scores", "evaluation_mode", "logits"]

# Fixed, so that the same network gives the same bits wherever it is evaluated: matrix products may
# round differently in batches of another size.
BATCH = 2048


class Scores:
    """What logits (n, k), of any floating type, say against int64 labels (n,).

    Attributes:
        loss: mean cross-entropy, nats, by log-softmax in float64.
        error: share of samples whose label's logit is not strictly the largest.
    """

    def __init__(self, logits: torch.Tensor, labels: torch.Tensor) -> None:
        self._values, self._labels = logits.double(), labels
        own = labels[:, None]
        self.loss = float(-torch.log_softmax(self._values, dim=1).gather(1, own).mean())
        others = self._values.scatter(1, own, -torch.inf).amax(dim=1)
        self._correct = self._values.gather(1, own)[:, 0] > others
        self.error = int((~self._correct).sum()) / len(labels)

    # By class on request: a predicted line asks for losses and errors at hundreds of alphas, and for no more.
    @cached_property
    def class_accuracy(self) -> NDArray[np.float64]:
        """(k,) share of correct samples in each class, nan for a class without samples."""
        n_classes = self._values.shape[1]
        counts = torch.bincount(self._labels, minlength=n_classes).numpy()
        hits = torch.bincount(self._labels[self._correct], minlength=n_classes).numpy()
        shares = np.full(n_classes, np.nan)
        np.divide(hits, counts, out=shares, where=counts > 0)
        return shares

    @cached_property
    def class_share(self) -> NDArray[np.float64]:
        """(k,) share of all samples predicted as each class; of tied classes the first counts."""
        # torch.argmax returns the first of equal maxima.
        predicted = torch.bincount(self._values.argmax(dim=1), minlength=self._values.shape[1])
        return np.asarray(predicted.numpy() / len(self._labels))


class _Inputs(Protocol):
    @property
    def inputs(self) -> torch.Tensor: ...

    @property
    def n_classes(self) -> int: ...

    def __len__(self) -> int: ...


def logits(model: Callable[[torch.Tensor], torch.Tensor], data: _Inputs) -> torch.Tensor:
    """The network's outputs (n, k) on all of an `ImageDataset`, or of samples like it on another device.

    In order, in batches of a fixed size, on the device of network and data.

    Raises:
        ValueError: outputs that are no (batch, n_classes) tensor.
    """
    with torch.no_grad():
        batches = []
        for first in range(0, len(data), BATCH):
            inputs = data.inputs[first : first + BATCH]
            output = model(inputs)
            if isinstance(output, torch.Tensor):
                refuse_one_logit(output, len(inputs))
            if not isinstance(output, torch.Tensor) or output.shape != (len(inputs), data.n_classes):
                found = tuple(output.shape) if isinstance(output, torch.Tensor) else type(output).__name__
                raise ValueError(
                    f"the network must return logits ({len(inputs)}, {data.n_classes}) "
                    f"for {data.n_classes} classes, it returned {found}"
                )
            batches.append(output)
        return torch.cat(batches)


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Evaluation mode inside; after it the model and the global generators are as they were.

    Of the model: each module's mode, and tensors among its plain attributes, also in lists and dicts, which
    hooks compute (old weight normalisation, pruning) or a forward pass keeps. Plain numbers, such as a count
    of calls, are the module's own affair. The generators are torch's, numpy's and Python's.
    """
    modes = [(module, module.training) for module in model.modules()]
    attributes = [(module, PlainTensors(module)) for module in model.modules()]
    python_state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002 - the global one is meant
    try:
        model.eval()
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        for module, training in modes:
            module.training = training
        for module, kept in attributes:
            kept.put_back(module)
        random.setstate(python_state)
        np.random.set_state(numpy_state)  # noqa: NPY002
