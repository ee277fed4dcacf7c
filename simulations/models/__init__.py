"""What is done to any torch module, whoever wrote it.

Comes in: a module and its states. Goes out: checked states, the roles of layers, logits.
checkpoints.py          states read, checked against the module, and hashed
roles.py                which parameters are biases, which layer is last: found here alone
bias_names.py           biases by module type; last_layer.py   the layer that makes the logits, by running
layer_depths.py         the layer that each bias belongs to
buffers.py              one policy for all buffers along the line; running_statistics.py   measured on data
evaluation.py           logits and scores without gradients; plain_tensors.py   no trace left on a module
devices.py              device and precision
May import: nothing of ours.
"""
