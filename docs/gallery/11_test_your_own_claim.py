"""
Test your own claim
===================

You believe something about the line. ``mli.testing`` draws random problems, and Hypothesis searches them
for one that contradicts you. Two claims follow; one is true.
"""

from hypothesis import given, settings

import mli
from mli.testing import homogeneous_problems

# Repeatable here, so that this page says the same every time it is built.
settings.register_profile("page", derandomize=True, database=None, deadline=None, print_blob=False)
settings.load_profile("page")


@given(homogeneous_problems(correct_at_end=True, ties=False))
def the_class_of_the_largest_bias_is_correct_all_along(problem):
    lo, _ = mli.correct_interval(*problem)
    assert (lo[problem.labels == problem.bias.argmax()] == 0).all()


@given(homogeneous_problems(correct_at_end=True, kind="whole"))
def the_loss_never_rises(problem):
    loss = mli.predict_curves(*problem, [0.0, 0.25, 0.5, 0.75, 1.0]).loss
    assert (loss[1:] <= loss[:-1]).all(), problem


# %%
# Each is called like a test. The first holds on every problem drawn. The second is contradicted, and what
# is printed is the smallest problem found: one sample whose label has not the largest bias.
for claim in (the_class_of_the_largest_bias_is_correct_all_along, the_loss_never_rises):
    try:
        print(claim.__name__, "- no counterexample:", claim())
    except AssertionError as found:
        print(claim.__name__, "- false for", found.args[0])
