"""What is done to any torch module, whoever wrote it.

Comes in: a module and its states. Goes out: checked states, the roles of layers, logits.
checkpoints.py   states checked and hashed (checkpoint_files.py, distributed_checkpoint.py); matched_units.py
roles.py         biases and the last layer (bias_names.py, last_layer.py, layer_depths.py, weight_layers.py)
buffers.py       what is no parameter along the line; running_statistics.py   batch norm's
evaluation.py    logits and scores; devices.py, input_types.py   where and in which type
May import: runtime.
"""
