"""
A plateau that is proved
========================

A curve on a grid of alphas can miss what lies between its points. ``certify_line`` proves which class leads
at *every* real alpha, for every sample, with the rounding of its own arithmetic included (theorem T15).
"""

import matplotlib.pyplot as plt

import mli

data = mli.load("digits", limit=200)
net = mli.fcn(6, 24, 64, 10, bias="last", init_scale=0.3, seed=1)
run = mli.train(net, data, learning_rate=0.05, target_loss=0.05, max_epochs=400, seed=1)
certificate = mli.certify_line(run.model, run.start, run.end, data, tolerance=2**-16)
print("plateau, proved:", certificate.plateau)
print("no longer than:", certificate.longest_possible_plateau)

# %%
# On the shaded stretch all 200 samples are predicted as one class: at every real alpha, not at points of a
# grid. Just behind it some sample is predicted otherwise. The error need not change there, since a sample
# may go from one wrong class to another.
curves = mli.interpolation_curves(run.model, run.start, run.end, data)
fig, ax = plt.subplots()
mli.draw_curves(ax, curves, quantity="error")
ax.axvspan(
    certificate.plateau.start, certificate.plateau.end, color="C2", alpha=0.3, label="one class, proved"
)
ax.legend()
