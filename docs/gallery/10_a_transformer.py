"""
A transformer
=============

A small vision transformer: two blocks of attention, layer norm, residual sums. The line and its curves are
the same matter as for any network. The theory is not: layer norm and residual sums make the signal
homogeneous in no power.
"""

import matplotlib.pyplot as plt

import mli

data = mli.load("digits", limit=500)
net = mli.vit((1, 8, 8), 10, depth=2, width=32, patch=2, seed=0)
run = mli.train(
    net, data, optimizer="adam", learning_rate=2e-3, target_loss=0.05, max_epochs=8, batch_size=32, seed=0
)
curves = mli.interpolation_curves(run.model, run.start, run.end, data, alphas=41)

fig, axes = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
for ax, quantity in zip(axes, ("loss", "error"), strict=True):
    mli.draw_curves(ax, curves, quantity=quantity)

# %%
# Where do the plateaus end, and how far does each curve rise on its way?
for name in ("loss", "error"):
    end = float(mli.plateau_end(curves.alpha, curves[name]))
    print(f"{name}: plateau to alpha = {end:.2f}, largest rise {float(mli.max_rise(curves[name])):.3f}")

# %%
# The diagnosis says for itself that the network is outside the theory, and why.
print(mli.diagnose(run.model, run.start, run.end, data, alphas=21).outside)
