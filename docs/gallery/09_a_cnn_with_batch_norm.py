"""
A convolutional network with batch norm
=======================================

Batch norm keeps running statistics, which are buffers, not weights. The line of the weights does not say
what they are halfway: you have to.
"""

import matplotlib.pyplot as plt
import torch
from torch import nn

import mli

data = mli.load("digits")
torch.manual_seed(0)
block = [nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2)]
block += [nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.AdaptiveAvgPool2d(1)]
net = nn.Sequential(*block, nn.Flatten(), nn.Linear(32, 10))
run = mli.train(net, data, learning_rate=0.05, target_loss=0.05, max_epochs=8, seed=0)
try:
    mli.interpolation_curves(run.model, run.start, run.end, data)
except ValueError as why:
    print(why)

# %%
# It refuses to guess. ``keep`` takes the trained statistics everywhere, ``interpolate`` moves them with the
# weights, ``recalibrate`` measures them anew at each alpha.
fig, ax = plt.subplots()
for policy in ("keep", "interpolate", "recalibrate"):
    curves = mli.interpolation_curves(run.model, run.start, run.end, data, alphas=21, buffers=policy)
    ax.plot(curves.alpha, curves.loss, label=policy)
ax.set(xlabel="alpha", ylabel="loss (nats)")
ax.legend()

# %%
# Three curves of one pair of checkpoints. With the trained statistics the loss even rises first; with
# statistics measured anew it falls from the start. What the line looks like is in part this choice, so a
# paper should name it.
