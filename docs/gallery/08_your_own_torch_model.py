"""
Your own model, and why its line looks as it does
=================================================

Any ``torch`` module that returns logits will do, trained in any way. Keep its two ends, then ask.
"""

import tempfile

import matplotlib.pyplot as plt
import torch
from torch import nn

import mli

data = mli.load("digits")


def network():
    """Five layers, each with a bias."""
    hidden = [layer for _ in range(3) for layer in (nn.Linear(48, 48), nn.ReLU())]
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 48), nn.ReLU(), *hidden, nn.Linear(48, 10))


torch.manual_seed(0)
net, folder = network(), tempfile.mkdtemp()
with mli.record_ends(net, folder):  # writes start.safetensors now, end.safetensors at the end
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    for _ in range(150):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(data.inputs), data.labels).backward()
        optimizer.step()

found = mli.diagnose(network(), f"{folder}/start.safetensors", f"{folder}/end.safetensors", data)
print("\n\n".join(mli.verdict(found)))

# %%
# The first sentence names one cause, or says that there is no plateau to explain. Then comes by how much
# the plateaus' ends move when one thing alone is changed. These are the lines behind those numbers.
mli.draw_curves(plt.figure().add_subplot(), found.curves)
