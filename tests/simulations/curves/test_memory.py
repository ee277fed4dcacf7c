"""Peak memory of a curve."""

import subprocess
import sys
import weakref

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.data import DataLoader, Dataset

from simulations.curves.one_path import interpolation_curves
from simulations.interpolation.interpolant import BLOCK
from simulations.models.evaluation import BATCH
from tests.simulations.curves.helpers.networks import copy_of, moved

MEMORY = """
import resource, torch
from torch import nn
from simulations.curves.one_path import interpolation_curves
torch.set_num_threads(1)
hidden = [nn.Linear(2048, 2048) for _ in range(4)]
model = nn.Sequential(*hidden, nn.ReLU(), nn.Linear(2048, 10))
start = {n: t.clone() for n, t in model.state_dict().items()}
end = {n: t + 0.01 for n, t in start.items()}
data = torch.ones(4, 2048), torch.tensor([0, 1, 2, 3])
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before = peak()
interpolation_curves(model, start, end, data, alphas=3)
print(peak() - before)
"""


@pytest.mark.subprocess
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in other units elsewhere")
def test_memory_beyond_model_and_checkpoints_is_one_copy_of_the_parameters():
    done = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
    parameters = (4 * 2048 * 2049 + 2048 * 10) * 4 / 2**20  # 64 MiB
    # Beside the copy: libraries loaded at the first call, the mask of the largest tensor's check (4 MiB).
    assert float(done.stdout) < parameters + 32


class PeakOfTensors(TorchDispatchMode):
    """Bytes in all tensors that operations made and that are alive: now, and at most."""

    def __init__(self):
        super().__init__()
        self.known, self.now, self.peak = weakref.WeakSet(), 0, 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        for tensor in made if isinstance(made, (tuple, list)) else [made]:
            if isinstance(tensor, torch.Tensor):
                storage = tensor.untyped_storage()
                if storage not in self.known:
                    self.known.add(storage)
                    weakref.finalize(storage, self.gone, storage.nbytes())
                    self.now += storage.nbytes()
                    self.peak = max(self.peak, self.now)
        return made

    def gone(self, size):
        self.now -= size


CLASSES = 64


class Drawn(Dataset):
    """Nothing of it stays in memory."""

    def __init__(self, n):
        self.n = n

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        return torch.sin(torch.arange(8.0) * (1 + i)), i % CLASSES


def test_adaptive_memory_is_one_steps_samples_times_nodes_times_classes_however_many_samples():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, CLASSES))
    start, end = moved(copy_of(model), 0, 0.05), moved(copy_of(model), 1, 0.05)
    peaks = {}
    for steps in (1, 4):
        data = DataLoader(Drawn(steps * BATCH), batch_size=512)
        with PeakOfTensors() as tensors:
            curves = interpolation_curves(model, start, end, data, alphas=101, error_tolerance=0.05)
        assert curves.attrs["samples_on_grid"] == 0
        peaks[steps] = tensors.peak
    logits = BATCH * curves.attrs["nodes"] * CLASSES * 4
    workspace = BLOCK * 4
    assert peaks[1] > logits  # what is counted is there
    assert peaks[1] < 4 * logits + 4 * workspace
    # Three further steps' logits would be three times that; of each sample a few numbers stay.
    assert peaks[4] < peaks[1] + logits / 2
