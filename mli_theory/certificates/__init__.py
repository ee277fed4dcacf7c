"""Certified statements about a line: the power model's, exactly; a ReLU network's (relu_line/, T15).

Comes in: start and end weights and biases. Goes out: a `Certificate`.
power_model_certificate.py   `certify`; power_model_line.py   the logits as exact polynomials
exact_roots.py, upper_envelope.py, certified_error.py   from roots to leading classes to the error
loss_monotone.py, loss_slope.py   whether the loss falls all the way
"""
