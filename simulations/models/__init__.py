"""What is done to any torch module, whoever wrote it.

Comes in: a module and its states. Goes out: checked states, the roles of layers, logits.
checkpoints.py          states read, checked against the module, and hashed
last_layer.py           the layer that makes the logits; layer_depths.py   the layer of each bias
running_statistics.py   batch norm's buffers along the line
evaluation.py           logits and scores without gradients; devices.py   device and precision
May import: nothing of ours.
"""
