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


BOUND = """
import sys, torch
from pathlib import Path
from torch import nn
from simulations.curves import interpolation_curves
torch.set_num_threads(1)
K, ROWS = 256, 512
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, K))
start = {n: t.clone() for n, t in model.state_dict().items()}
end = {n: t + 0.05 * torch.randn(t.shape) for n, t in start.items()}

class Drawn(torch.utils.data.Dataset):  # nothing of it stays in memory
    def __init__(self, n):
        self.n = n
    def __len__(self):
        return self.n
    def __getitem__(self, i):
        return torch.sin(torch.arange(8.0) * (1 + i)), i % K

def resident(key):
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) / 1024

def rise(n):
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins again here
    loader = torch.utils.data.DataLoader(Drawn(n), batch_size=ROWS)
    curves = interpolation_curves(model, start, end, loader, alphas=101, error_tolerance=0.05)
    assert curves.attrs["method"] == "adaptive" and curves.attrs["samples_on_grid"] == 0
    return resident("VmHWM") - before, curves.attrs["nodes"]

rise(ROWS)
print(*rise(4 * ROWS), *rise(16 * ROWS))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's account of a process is Linux's")
def test_adaptive_memory_is_one_step_times_nodes_times_classes_whatever_the_number_of_samples():
    done = subprocess.run([sys.executable, "-c", BOUND], capture_output=True, text=True, check=True)
    few, nodes, many, more_nodes = map(float, done.stdout.split())
    assert nodes == more_nodes
    step = 2048 * nodes * 256 * 4 / 2**20  # a step's logits: 2,048 samples x nodes x 256 classes, float32
    workspace = 2**22 * 4 / 2**20
    # Four times the samples: a second copy of all of them would be 4 steps' logits more.
    assert many < few + step
    assert few < 4 * step + 8 * workspace
