"""
How long is the plateau?
========================

In the power model the plateau's length follows from three numbers: classes, degree (the depth) and the
final loss. The laws take arrays of any shapes that broadcast.
"""

import matplotlib.pyplot as plt
import numpy as np

import mli

degree = np.arange(3, 31)
fig, ax = plt.subplots()
for final_loss, colour in ((1e-2, "C0"), (1e-4, "C1"), (1e-8, "C2")):
    law = mli.plateau_law(2, degree, final_loss)
    ax.plot(degree, law.plateau_end, colour, label=f"final loss {final_loss:g}")
ax.plot(degree, 2 ** (-1 / (degree - 1)), "k--", label="limit 2^(-1/(r-1))")
ax.set(xlabel="degree r", ylabel="plateau's end, alpha", ylim=(0, 1))
ax.legend()

# %%
# The deeper the network, the more of the line the plateau takes. A smaller final loss makes it longer, too,
# but never longer than the dashed limit.

# %%
# Many settings at once: a row for each number of classes, a column for each degree.
classes = np.array([[2], [5], [10]])
law = mli.plateau_law(classes, np.array([3, 6, 10]), final_loss=1e-6, regime="small_loss")
print(np.round(law.plateau_end, 3))

# %%
# The law ends where the last class is learned by its weight after all: the bias gap must stay below
# ``escape_gap``.
print("bias gap by the law:", round(float(mli.plateau_law(2, 3, 1e-6).bias_gap), 2))
print("largest gap from weights 0.10 and 0.09:", round(float(mli.escape_gap([0.10, 0.09], degree=3)), 2))
