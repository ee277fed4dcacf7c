"""Peak memory of a curve."""

import subprocess
import sys

import pytest

MEMORY = """
import resource, torch
from torch import nn
from simulations.curves import interpolation_curves
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


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in other units elsewhere")
def test_memory_beyond_model_and_checkpoints_is_one_copy_of_the_parameters():
    done = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
    parameters = (4 * 2048 * 2049 + 2048 * 10) * 4 / 2**20  # 64 MiB
    # Beside the copy: libraries loaded at the first call, the bool mask of the largest tensor's check (4
    # MiB).
    assert float(done.stdout) < parameters + 32
