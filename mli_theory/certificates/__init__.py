"""Certified statements about a line: the power model's, exactly; a ReLU network's (relu_line/, T15).

Comes in: start and end weights and biases. Goes out: a `Certificate`.
power_model_certificate.py   `certify`, by power_model_line.py; expected_cost.py   how long it takes
root_isolation.py, root_refinement.py, exact_roots.py   real roots, each alone in an interval, comparable
upper_envelope.py, certified_error.py   from roots to leading classes to the error
loss_monotone.py, loss_slope.py   whether the loss falls all the way
May import: domain, names_in_words, short_repr.
"""
