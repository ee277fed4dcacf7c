"""Strategies for the specifications of runs."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from simulations.specs import RunSpec

__all__ = ["run_specs"]


def run_specs() -> SearchStrategy[RunSpec]:
    """`RunSpec` with every field in its range, most of them far from what can be trained in a test.

    They are for claims about specifications and names. To train one, say its fields:
    `dataclasses.replace(spec, data="digits", depth=2, width=8, max_epochs=1)`.
    """
    positive = st.floats(min_value=0, max_value=1e300, exclude_min=True)
    optional_positive = st.none() | positive
    return st.builds(
        RunSpec,
        data=st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1).filter(
            lambda d: d != "digits"
        ),
        limit=st.none() | st.integers(1, 10**12),
        test_limit=st.none() | st.integers(1, 10**12),
        label_noise=st.floats(0, 1),
        imbalance=st.floats(1, 1e9),
        depth=st.integers(1, 20),
        width=st.integers(1, 10**6),
        init_scale=positive,
        imposed_bias_gap=st.none() | st.floats(-1e300, 1e300),
        learning_rate=positive,
        momentum=st.floats(0, 1, exclude_max=True),
        weight_decay=st.floats(0, 1e300),
        clip_norm=optional_positive,
        target_loss=optional_positive,
        max_epochs=st.integers(0, 10**6),
        paths=st.permutations(["linear", "weights", "bias", "no_last_bias"]).map(lambda p: p[:2]),
        seed=st.integers(0, 2**63),
    )
