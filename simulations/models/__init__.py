"""What is done to any torch module, whoever wrote it.

checkpoints.py          states checked against the module, and hashed; checkpoint_files.py   read from files
checkpoint_names.py     their names: prefixes of wrappers, memory that several names share
last_layer.py           the layer that makes the logits; layer_depths.py   the layer that each bias belongs to
running_statistics.py   batch norm's buffers along the line
evaluation.py           logits and scores without gradients; devices.py   device and precision
input_types.py          the floating type of inputs
May import torch and `simulations.runtime`.
"""
