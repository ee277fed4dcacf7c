"""
The line of one network
=======================

A network of eight layers is trained on handwritten digits. Then loss and error are measured on the straight
line from its random initial weights (alpha = 0) to its trained weights (alpha = 1).
"""

import matplotlib.pyplot as plt

import mli

data = mli.load("digits")  # 1,740 images of 8 by 8 pixels
net = mli.fcn(8, 64, 64, 10, bias="last", init_scale=0.5, seed=0)  # depth, width, inputs, classes
run = mli.train(net, data, learning_rate=0.02, target_loss=0.01, max_epochs=150, seed=0)
curves = mli.interpolation_curves(run.model, run.start, run.end, data)

# %%
# ``curves`` is an ``xarray.Dataset`` over alpha. A plateau ends where a tenth of the fall is spent.
fig, axes = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
for ax, quantity in zip(axes, ("loss", "error"), strict=True):
    end = float(mli.plateau_end(curves.alpha, curves[quantity]))
    mli.draw_curves(ax, curves, quantity=quantity)
    ax.axvline(end, color="grey", linestyle=":")
    print(f"the plateau of the {quantity} ends at alpha = {end:.2f}")

# %%
# Both fall almost all the way. Up to the dotted line little happens: the error stays at 0.9, which is what
# one gets from predicting one class for all ten kinds of digit. The next two tutorials ask why.
