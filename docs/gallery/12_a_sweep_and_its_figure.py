"""
A sweep of your own, and its figure
===================================

A sweep is a TOML file: what is fixed, what varies, under which seeds. Finished runs stay in a store: the same
call goes on where it was interrupted, and trains nothing twice.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt

import mli

SWEEP = """seeds = [0, 1]
[fixed]
data = "digits"
limit = 300
network = "fcn"
width = 32
init_scale = 0.5
learning_rate = 0.02
target_loss = 0.05
max_epochs = 300
[grid]
depth = [2, 4, 6]
"""
folder = Path(tempfile.mkdtemp())
(folder / "depths.toml").write_text(SWEEP)
store = mli.Store(folder / "store")
with mli.open_executor("local", processes=1) as executor:
    mli.run_sweeps([mli.read_sweep(folder / "depths.toml")], store, executor)

# %%
# The deeper the network, the later the end of the loss's plateau.
for run in mli.experiment_runs(store, folder / "depths.toml"):
    end = mli.plateau_end(run.alpha, run.loss.sel(path="linear"))
    plt.plot(run.attrs["depth"], end, "o", color="tab:blue")
plt.gca().set(xlabel="depth", xticks=[2, 4, 6], ylabel="end of the loss's plateau, alpha")
