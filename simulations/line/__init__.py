"""A network held at one alpha of a path between two checkpoints.

Comes in: a module, two checkpoints and the name of a path. Goes out: logits of a batch at an alpha.
paths.py             every path, by parameter: a new path is added there
moved_network.py     the module with the weights of one alpha; forward_pass.py   one run of it
walkable_module.py   wrappers taken off, lazy layers given their shapes
shared_features.py   last-layer inputs used again for another bias
line_setup.py        the user's arguments checked and opened; step_batches.py   batches walked in one step
May import the rooms `user_data`, `models` and `runtime`.
"""
