"""
With and without a bias
=======================

Two networks that differ in one thing: the first has a bias in its last layer, the second has no bias at
all. Both start from the same random weights and are trained to the same loss.
"""

import matplotlib.pyplot as plt

import mli

data = mli.load("digits")
fig, ax = plt.subplots()
ends = {}
for bias, colour in (("last", "tab:blue"), ("none", "tab:orange")):
    net = mli.fcn(8, 64, 64, 10, bias=bias, init_scale=0.5, seed=0)
    run = mli.train(net, data, learning_rate=0.02, target_loss=0.01, max_epochs=150, seed=0)
    curves = mli.interpolation_curves(run.model, run.start, run.end, data)
    ends[bias] = {name: float(mli.plateau_end(curves.alpha, curves[name])) for name in ("error", "loss")}
    ax.plot(curves.alpha, curves.error, colour, label=f"bias: {bias}")
    ax.axvline(ends[bias]["error"], color=colour, linestyle=":")
ax.set(xlabel="alpha", ylabel="error (share of samples)")
ax.legend()

# %%
# With the bias the error stays high for longer: where the signal is still small, the largest bias decides
# nearly every prediction. The dotted lines are the plateaus' ends, where a tenth of the fall is spent.
for bias, found in ends.items():
    print(f"bias {bias}: error plateau to {found['error']:.2f}, loss plateau to {found['loss']:.2f}")

# %%
# The loss is another matter: its plateau is about as long without a bias. It comes from depth, since the
# signal of eight layers grows slowly at first.
