"""A network held at one alpha of a path between two checkpoints.

Comes in: a module, two checkpoints and the name of a path. Goes out: logits of a batch at an alpha.
paths.py           every path: a new one goes there (for sweeps also in `specs.run_fields.RUN_PATHS`)
moved_network.py   the weights of one alpha, run by forward_pass.py; walkable_module.py   wrappers
shared_features.py   last-layer inputs used again for another bias
line_setup.py      the user's arguments checked; step_batches.py   batches walked in one step
May import: models, objectives, runtime, user_data.
"""
