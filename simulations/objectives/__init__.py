"""What is measured of a network's output on a batch: a loss by row, and where there is one an error.

Comes in: a batch's output and its labels. Goes out: losses, errors, and the smooth numbers to interpolate.
objective.py       what every objective does; chosen.py   the user's words made into one
cross_entropy.py   classes by sample or token; binary.py   sigmoids; squared_error.py; own_loss.py
all_labels.py      labels read before any work
temperature.py     the loss at the best temperature
May import: interpolation, models, runtime, user_data.
"""
