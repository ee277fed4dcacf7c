"""A default of training, and the range of its value, is written down in one place."""

import ast
import dataclasses
import inspect

import pytest

from simulations.specs.run_fields import CHOICES, LEAST, RANGES
from simulations.specs.run_spec import RunSpec
from simulations.specs.training_arguments import TrainingArguments
from simulations.training.ensemble import train_many
from simulations.training.single import train
from tests.helpers.paths import ROOT

FIELDS = {field.name: field.default for field in dataclasses.fields(TrainingArguments)}
DEFAULTS = {name: value for name, value in FIELDS.items() if value is not dataclasses.MISSING}
PACKAGES = ("simulations", "validation", "mli", "paper_figures")


def written_defaults(tree):
    """(place, name, default) of each function's parameters and each class's fields, as they are written."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            arguments = node.args
            plain = [*arguments.posonlyargs, *arguments.args]
            late = plain[len(plain) - len(arguments.defaults) :]
            given = [*zip(late, arguments.defaults, strict=True)]
            given += [*zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]
            yield node.name, {parameter.arg: default for parameter, default in given}
        if isinstance(node, ast.ClassDef):
            fields = [part for part in node.body if isinstance(part, ast.AnnAssign)]
            yield (
                node.name,
                {part.target.id: part.value for part in fields if isinstance(part.target, ast.Name)},
            )


def test_no_default_of_training_is_written_twice():
    """Whatever takes four of the arguments or more trains, and names its defaults by `TrainingArguments`."""
    trains = {
        place: found
        for package in PACKAGES
        for file in (ROOT / package).rglob("*.py")
        for place, found in written_defaults(ast.parse(file.read_text(encoding="utf-8")))
        if len(set(found) & set(FIELDS)) >= 4
    }
    assert trains.keys() >= {"TrainingArguments", "RunSpec", "train", "train_many"}
    del trains["TrainingArguments"]
    for place, found in trains.items():
        for name in set(found) & set(DEFAULTS):
            assert found[name] is not None, (place, name)
            assert ast.unparse(found[name]) == f"TrainingArguments.{name}", (place, name)


@pytest.mark.parametrize("takes", [train, train_many, RunSpec])
def test_the_keyword_forms_have_the_defaults(takes):
    parameters = inspect.signature(takes).parameters
    missing = {"evaluate_every", "objective"} if takes is train_many else set()
    assert set(FIELDS) - set(parameters) == missing
    for name, default in DEFAULTS.items():
        if name not in missing:
            assert parameters[name].default == default, name


def test_each_argument_has_one_range():
    for name in FIELDS:
        assert sum(name in table for table in (CHOICES, LEAST, RANGES)) == 1, name


@pytest.mark.parametrize("name", [name for name in FIELDS if name in RANGES])
def test_a_spec_and_a_training_refuse_the_same_ends(name):
    low, with_low, high, with_high = RANGES[name]
    needed = {"learning_rate": 0.1, "max_epochs": 1}
    run = {"depth": 2, "width": 4, "seed": 0}
    for value, taken in ((low, with_low), (high, with_high)):
        for made in (
            lambda v: TrainingArguments(**needed | {name: v}),
            lambda v: RunSpec(**run | needed | {name: v}),
        ):
            if taken:
                assert made(value) is not None
            else:
                with pytest.raises(ValueError, match=name):
                    made(value)
