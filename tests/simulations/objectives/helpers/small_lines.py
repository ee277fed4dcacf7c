"""A linear network whose outputs on the line are known without it, for any objective."""

import numpy as np
import torch
from torch import nn

from simulations.curves.one_path import interpolation_curves


class Rows(nn.Module):
    """Outputs (n, *shape) that are a sample's own row of a table: the line's outputs are the tables' mean."""

    def __init__(self, table):
        super().__init__()
        self.table = nn.Parameter(table)

    def forward(self, index):
        return self.table[index]


def line(start, end, labels, **options):
    """The curve between two tables of outputs (n, ...), with labels (n, ...)."""
    start, end = (torch.as_tensor(np.asarray(table), dtype=torch.float64) for table in (start, end))
    model = Rows(end.clone())
    data = torch.arange(len(start)), torch.as_tensor(labels)
    return interpolation_curves(model, {"table": start}, {"table": end}, data, **options)


def outputs_at(start, end, alpha):
    return np.asarray(start) + alpha * (np.asarray(end) - np.asarray(start))
