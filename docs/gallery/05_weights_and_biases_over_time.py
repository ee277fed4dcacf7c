"""
The simple model: weights and biases over time
==============================================

Why do biases differ on balanced data? In the paper's simple model (here the *power model*) each class has
one sample and one weight, raised to the power r. Four classes start from small weights that differ.
"""

import matplotlib.pyplot as plt
import numpy as np

import mli

flow = mli.integrate(np.diag([0.10, 0.08, 0.05, 0.02]), degree=3, final_loss=1e-3)

fig, axes = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
for j in range(4):
    axes[0].plot(flow.time, flow.weights[:, j, j], f"C{j}", label=f"class {j}")
    axes[1].plot(flow.time, flow.bias[:, j], f"C{j}")
axes[0].set(xscale="log", xlim=(5, None), xlabel="time", ylabel="weight W of the class itself")
axes[1].set(xscale="log", xlim=(5, None), xlabel="time", ylabel="bias b (nats)")
axes[0].legend()

# %%
# Classes are learned one after the other, the largest initial weight first. A class that is learned needs
# its bias no longer, so the biases of those that wait go up. The class that is last keeps the largest bias
# (theorem T10): here it is even fitted by its bias alone, and its weight hardly moves.
print("learned at time", np.round(flow.learning_time.values, 1))
print("biases at the end", np.round(flow.bias.values[-1], 2))
print("fitted by its bias:", flow.fitted_by_bias.values)

# %%
# On the line from this start to this end the largest bias therefore decides first.
line = mli.certify(flow.weights[0], flow.bias[0], flow.weights[-1], flow.bias[-1], degree=3)
print(line.plateau)
