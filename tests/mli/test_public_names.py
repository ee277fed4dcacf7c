"""The door: `import mli` gives exactly this list, lazily, and each name is the one that `help` describes."""

import importlib
import pkgutil
import subprocess
import sys

import pytest

import mli
import mli_theory
import paper_figures
import simulations
import validation
from tests.helpers.paths import ROOT

PUBLIC = """
    BiasGapBounds Bump Certificate CertifiedPlateau ClassChange CrossoverLaw DomainError ErrorStep
    LossExpansion Plateau PlateauLaw PlateauSymbols PredictedCurves RealRoot SlowCertificateWarning
    SymbolicPlateau bias_gap_bounds certified_window certify correct_interval crossover_law
    escape_gap escape_schedule largest_admissible_loss loss_bump loss_expansion loss_sandwich
    majority_exit plateau plateau_law plateau_start predict_curves quadratic_plateau_law
    symbolic_plateau HalfNormalPlateau LearningTimeBounds TwoClassPlateauBounds
    first_learning_time_bounds half_normal_start_plateau loss_limit plateau_start_bounds
    time_to_loss_bound two_class_plateau_bounds
    ImageDataset load build_network fcn resnet18 vgg16 vit TrainingResult train
    train_many Batch interpolation_curves logit_path save_curve split_curves
    noise_start zero_start GainPrediction predict_from_endpoints predict_from_probe FlowError
    descend integrate RunSpec Sweep read_sweep with_seeds Store experiment_runs make_run
    open_executor run_sweeps barrier bumps gauss_length held_interval max_rise plateau_end Diagnosis
    diagnose verdict write_diagnosis write_diagnosis_page
    draw_curves save_diagnosis_figure CertifiedLine certify_line
    record_ends lightning_callback trainer_callback plane plane_coordinates draw_plane
""".split()  # noqa: SIM905 - ninety names, to be read by people


def test_the_door_has_exactly_these_names():
    assert sorted(mli.__all__) == sorted([*PUBLIC, "__version__"])
    assert set(mli_theory.__all__) <= set(PUBLIC)
    assert set(mli.__all__) <= set(dir(mli))
    assert mli.__version__[0].isdigit()


@pytest.mark.parametrize("name", PUBLIC)
def test_each_is_documented_and_lives_where_help_says(name):
    found = getattr(mli, name)
    assert (found.__doc__ or "").strip()
    assert getattr(importlib.import_module(found.__module__), found.__qualname__) is found


def test_the_names_that_two_rooms_could_answer():
    from simulations import networks
    from validation import metrics

    assert mli.plateau_end is metrics.plateau_end
    assert mli.max_rise is metrics.max_rise
    assert mli.build_network is networks.build_network


def test_no_module_takes_the_place_of_a_name():
    """A module of a name's own name would replace it on the package once something imports the module."""
    before = {name: getattr(mli, name) for name in mli.__all__}
    theory = {name: getattr(mli_theory, name) for name in mli_theory.__all__}
    for package in (mli, mli_theory, simulations, validation, paper_figures):
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    assert {name: getattr(mli, name) for name in mli.__all__} == before
    assert {name: getattr(mli_theory, name) for name in mli_theory.__all__} == theory


@pytest.mark.parametrize(
    ("room", "name"),
    [
        ("simulations.curves", "interpolation_curves"),
        ("simulations.datasets", "load"),
        ("simulations.gradient_flow", "integrate"),
        ("simulations.training", "train"),
        ("simulations.runs", "make_run"),
        ("validation.diagnosis", "diagnose"),
        ("validation.metrics", "gauss_length"),
    ],
)
def test_rooms_give_what_is_imported_most(room, name):
    found = getattr(importlib.import_module(room), name)
    assert callable(found)
    assert found is getattr(mli, name)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'mli' has no attribute 'nothing'"):
        mli.nothing  # noqa: B018 - reading it is the test
    with pytest.raises(AttributeError, match="module 'mli_theory' has no attribute 'nothing'"):
        mli_theory.nothing  # noqa: B018


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import mli; dir(mli)", "torch numpy scipy sympy xarray matplotlib typer"),
        ("import mli_theory; mli_theory.plateau_law", "torch sympy xarray matplotlib scipy.optimize"),
        ("import mli; mli.plateau; mli.plateau_law", "torch sympy xarray matplotlib"),
        ("from mli.commands.application import app", "torch numpy scipy sympy xarray matplotlib"),
        ("import mli; mli.read_sweep('star'); mli.RunSpec", "torch netCDF4 xarray matplotlib"),
    ],
)
def test_what_is_not_needed_is_not_imported(code, absent):
    script = (
        f"import sys; {code}; found = set({absent.split()}) & set(sys.modules); "
        "sys.exit(str(found) if found else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
