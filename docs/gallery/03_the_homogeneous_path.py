"""
Let the bias grow like the signal
=================================

On the straight line the signal of r layers grows about like alpha to the power r, the last bias only like
alpha. On the *homogeneous* path the bias grows like alpha to the power r as well. Both paths join the same
two ends.
"""

import matplotlib.pyplot as plt
import xarray as xr

import mli

data = mli.load("digits")
net = mli.fcn(8, 64, 64, 10, bias="last", init_scale=0.5, seed=0)
run = mli.train(net, data, learning_rate=0.02, target_loss=0.01, max_epochs=150, seed=0)
paths = ["linear", "homogeneous"]
walked = [mli.interpolation_curves(run.model, run.start, run.end, data, path=path) for path in paths]
curves = xr.concat(walked, xr.DataArray(paths, dims="path", name="path"), combine_attrs="drop")

fig, axes = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
for ax, quantity in zip(axes, ("error", "loss"), strict=True):
    mli.draw_curves(ax, curves, quantity=quantity)

# %%
# The network at alpha = 1 is the same; only how the bias gets there differs. That moves the end of the
# error's plateau, and nearly nothing of the loss's. So what the error's plateau shows is the path of the
# bias, not how hard the training was.
for path in paths:
    ends = {q: float(mli.plateau_end(curves.alpha, curves[q].sel(path=path))) for q in ("error", "loss")}
    print(f"{path}: error plateau to {ends['error']:.2f}, loss plateau to {ends['loss']:.2f}")
