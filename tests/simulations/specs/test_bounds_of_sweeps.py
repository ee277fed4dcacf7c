"""Sweeps and runs beyond the stated limits, and files that are none, are refused at once."""

import re
from dataclasses import fields

import pytest

from simulations.runtime.argument_checks import MOST_ALPHAS
from simulations.specs.run_spec import RunSpec
from simulations.specs.sweep_file import MOST_RUNS, read_sweep, with_seeds
from tests.simulations.runs.helpers.tiny_runs import SWEEP, tiny


def values(count):
    return f"[{', '.join(map(str, range(1, count + 1)))}]"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            f"seeds = [0]\n[grid]\nwidth = {values(1000)}\ndepth = {values(1000)}\nlimit = {values(1000)}",
            "at most 100000",
        ),
        (f"seeds = {values(MOST_RUNS + 1)}\n[fixed]\nwidth = 3", "at most 100000"),
        ("title = " + "[" * 10000, ""),
        ("[fixed]\nlearning_rate = " + "9" * 400, ""),
        ("seeds = [0]\n[fixed]\nwidth = " + "9" * 5000, ""),
        ("seeds = [" + "9" * 30 + "]" + SWEEP.partition("]")[2], r"below 2\^63"),
    ],
    ids=["grid", "seeds", "deep", "digits", "more digits", "a seed"],
)
def test_a_sweep_beyond_its_limits_is_refused_with_its_file(tmp_path, text, message):
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(ValueError, match=rf"{re.escape(str(file))}.*{message}") as refused:
        read_sweep(file)
    assert len(str(refused.value)) < 2000


def test_bytes_that_are_no_text_name_the_file(tmp_path):
    for read in (read_sweep, RunSpec.from_toml):
        (tmp_path / "mine.toml").write_bytes(b'data = "\xff"')
        with pytest.raises(ValueError, match=r"mine\.toml"):
            read(tmp_path / "mine.toml")


def test_seeds_beyond_the_limit_are_refused_before_they_are_made():
    with pytest.raises(ValueError, match=f"at most {MOST_RUNS} runs"):
        with_seeds(read_sweep("star"), 10**12)


@pytest.mark.parametrize(
    ("field", "text", "message"),
    [
        ("alphas", str(MOST_ALPHAS + 1), f"at most {MOST_ALPHAS}"),
        ("seed", "9" * 400, r"below 2\^63"),
        ("seed", str(2**63), r"below 2\^63"),
        ("learning_rate", "9" * 400, "more than 300 digits"),
        ("width", "9" * 5000, "an integer"),
        ("width", "[" * 10000, "an integer"),
    ],
)
def test_a_field_beyond_its_limit_is_refused(field, text, message):
    with pytest.raises(ValueError, match=f"{field} must .*{message}") as refused:
        RunSpec.from_dict(tiny().to_dict() | {field: RunSpec.parsed(field, text)})
    assert len(str(refused.value)) < 400


def test_the_limits_themselves_are_allowed_and_names_are_as_they_were():
    assert tiny(alphas=MOST_ALPHAS, seed=2**63 - 1).alphas == MOST_ALPHAS
    assert tiny().name == "76f092c1bae5759b0d02"


def test_many_unknown_keys_are_a_short_message():
    with pytest.raises(ValueError, match="and 980 more") as refused:
        RunSpec.from_dict({f"key{i}": 1 for i in range(1000)})
    assert len(str(refused.value)) < 1500


MANY, LONG = list(range(50_000)), "a" * 100_000


@pytest.mark.parametrize("value", [MANY, LONG, [LONG], 10**400, {LONG: 1}], ids=range(5))
@pytest.mark.parametrize("field", [field.name for field in fields(RunSpec)])
def test_no_message_about_a_field_shows_all_of_what_was_written(field, value):
    values = {"depth": 2, "width": 4, "learning_rate": 0.1, "max_epochs": 1, "seed": 0, field: value}
    try:
        RunSpec.from_dict(values)
    except ValueError as error:
        assert len(str(error)) < 600, str(error)[:600]  # noqa: PT017 - some values are right


@pytest.mark.parametrize(
    "text",
    [
        f"seeds = {[0, *MANY]}",
        f"seeds = [0]\n[grid]\nwidth = {[0, *MANY]}",
        f"seeds = [0]\n[grid]\nwidth = '{LONG}'",
        f"seeds = '{LONG}'",
        f"seeds = [0]\narm = {MANY}",
        f"seeds = [0]\nensembles = {MANY}",
        f"seeds = [0]\n{LONG} = 1",
        f"seeds = [0]\n[fixed]\nwidth = {MANY}\n[grid]\nwidth = [1]",
        f"seeds = [0]\n[[arm]]\nname = '{LONG},'\n",
    ],
    ids=range(9),
)
def test_no_message_about_a_sweep_shows_all_of_what_was_written(text, tmp_path):
    file = tmp_path / "sweep.toml"
    file.write_text(f'title = "t"\n{text}\n')
    with pytest.raises(ValueError, match=re.escape(str(file))) as refused:
        read_sweep(file)
    assert len(str(refused.value)) < 800 + len(str(file)), str(refused.value)[:600]
