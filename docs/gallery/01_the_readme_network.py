"""
The line of one network
=======================

A network of eight layers is trained on handwritten digits. Then loss and error are measured on the straight line
from its random initial weights (alpha = 0) to its trained weights (alpha = 1).
"""

import matplotlib.pyplot as plt

import mli

data = mli.load("digits")  # 1,740 images of 8 by 8 pixels
net = mli.fcn(8, 64, 64, 10, bias="last", init_scale=0.5, seed=0)  # depth, width, inputs, classes
run = mli.train(net, data, learning_rate=0.02, target_loss=0.01, max_epochs=150, seed=0)
curves = mli.interpolation_curves(run.model, run.start, run.end, data)

# %%
# ``curves`` is an ``xarray.Dataset`` over alpha. A plateau ends where a tenth of the fall is spent.
for name in ("loss", "error"):
    print(name, "plateau ends at alpha =", round(float(mli.plateau_end(curves.alpha, curves[name])), 3))

fig, ax = plt.subplots()
mli.draw_curves(ax, curves)
