"""The command line, in this process and as the console command of the built wheel."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import save_file
from torch import nn
from typer.testing import CliRunner

from mli.commands.application import app
from simulations.power_model_experiments import runner
from simulations.power_model_experiments.catalogue import CATALOGUE
from tests.helpers.installed_wheel import install_wheel
from tests.helpers.paths import ROOT
from validation.claims import CLAIMS
from validation.docs_pages import power_page
from validation.job import main_job
from validation.job.profiles import smoke_job
from validation.judgement import power

RUN = CliRunner()


def test_help_names_the_verb():
    result = RUN.invoke(app, ["--help"])
    assert result.exit_code == 0
    assert "validate" in result.stdout


def test_rules_are_printed_without_running(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(main_job, "run_main_job", lambda *_: pytest.fail("ran"))
    result = RUN.invoke(app, ["validate", "--rules"])
    assert result.exit_code == 0
    for claim in CLAIMS:
        assert claim.statement in result.stdout
    assert not list(tmp_path.iterdir())


def test_rules_of_one_claim(monkeypatch):
    result = RUN.invoke(app, ["validate", "--rules", "--claim", "C5"])
    assert result.exit_code == 0
    assert CLAIMS[4].statement in result.stdout
    assert CLAIMS[3].statement not in result.stdout


def test_rules_as_json_are_those_of_the_text():
    text = RUN.invoke(app, ["validate", "--rules"]).stdout
    found = json.loads(RUN.invoke(app, ["validate", "--rules", "--json"]).stdout)
    assert found["judgement"] in text
    assert [claim["id"] for claim in found["claims"]] == [claim.id for claim in CLAIMS]
    for told, claim in zip(found["claims"], CLAIMS, strict=True):
        assert told["statement"] in text
        rules = [(c["key"], c["side"], c["threshold"], c["effect_size"]) for c in told["criteria"]]
        assert rules == [(c.key, c.side, c.threshold, c.effect_size) for c in claim.criteria]
    (alone,) = json.loads(RUN.invoke(app, ["validate", "--rules", "--json", "--claim", "C5"]).stdout)[
        "claims"
    ]
    assert alone["id"] == "C5"
    assert RUN.invoke(app, ["validate", "--json"]).exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["--claim", "C10"], "'C10': choose from C1, C2"), (["--profile", "fast"], "'fast' is not one of")],
)
def test_what_is_not_there_is_refused_before_any_work(tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(main_job, "run_main_job", lambda *_: pytest.fail("ran"))
    result = RUN.invoke(app, ["validate", *arguments], env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert said in result.output
    assert not list(tmp_path.iterdir())


def test_power_is_printed_without_running(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    measure, by_seeds = power.operating_characteristics, power.power_by_seeds

    def briefly(claims, _n_sets=400, **options):
        return measure(claims, 2, **options)

    for module in (power, power_page):
        monkeypatch.setattr(module, "operating_characteristics", briefly)
    monkeypatch.setattr(power_page, "power_by_seeds", lambda *arguments: by_seeds(*arguments[:-1], 2))
    monkeypatch.setattr(main_job, "run_main_job", lambda *_: pytest.fail("ran"))
    result = RUN.invoke(app, ["validate", "--power"])
    assert result.exit_code == 0, result.output
    assert "of 2" in result.stdout
    assert not list(tmp_path.iterdir())
    result = RUN.invoke(app, ["validate", "--power", "--output", "pages"])
    assert result.stdout.endswith("pages/false_alarms_and_power.md\n")
    assert "2 synthetic data sets" in (tmp_path / "pages" / "false_alarms_and_power.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "name", "store"),
    [
        ([], "quick", "results/store"),
        (["--profile", "standard", "--store", "runs"], "standard", "runs"),
        (["--profile", "full"], "full", "results/store"),
        (["--smoke", "--output", "out"], "smoke", "out/store"),
    ],
)
def test_validate_runs_the_job_that_was_asked_for(tmp_path, monkeypatch, arguments, name, store):
    monkeypatch.chdir(tmp_path)
    asked = []

    def record(*job):
        asked.append(job)
        raise KeyboardInterrupt

    monkeypatch.setattr(main_job, "run_main_job", record)
    if name == "full":  # it judges what is there
        Path(store).mkdir(parents=True)
    RUN.invoke(app, ["validate", *arguments])
    ((folder, job, where),) = asked
    assert (job.name, where.as_posix()) == (name, store)
    assert folder == Path("out" if name == "smoke" else "results/validate")


def test_an_unwritable_folder_is_one_line_and_exit_code_1(tmp_path):
    (tmp_path / "file").write_text("in the way")
    result = RUN.invoke(app, ["validate", "--output", str(tmp_path / "file")])
    assert result.exit_code == 1
    assert str(tmp_path / "file") in result.output
    assert "choose another" in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize("part", ["figures", "store", "power_model"])
def test_a_file_in_the_way_of_a_part_is_found_before_any_work(tmp_path, monkeypatch, part):
    def no_work(*_, **__):
        raise AssertionError("work was begun")

    monkeypatch.setattr(main_job, "run_sweeps", no_work)
    monkeypatch.setattr(main_job, "integrate", no_work)
    (tmp_path / part).write_text("in the way")
    result = RUN.invoke(app, ["validate", "--smoke", "--output", str(tmp_path)])
    assert result.exit_code == 1, result.exception
    assert f"{part} cannot be written" in result.output


def test_an_interrupt_says_that_nothing_is_lost(tmp_path, monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(main_job, "run_main_job", interrupted)
    result = RUN.invoke(app, ["validate", "--output", str(tmp_path)])
    assert result.exit_code == 1
    assert "the same command goes on" in result.output


def test_a_defect_keeps_its_traceback(tmp_path, monkeypatch):
    monkeypatch.setattr(main_job, "run_main_job", lambda *_: 1 / 0)
    result = RUN.invoke(app, ["validate", "--output", str(tmp_path)])
    assert isinstance(result.exception, ZeroDivisionError)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_and_version_import_nothing_heavy(arguments):
    script = (
        "import sys\nfrom mli.commands.application import app\n"
        f"sys.argv = ['mli', *{arguments!r}]\n"
        "try:\n    app()\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'numpy', 'scipy', 'xarray', 'matplotlib', 'sklearn'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    return install_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture
def folder_of_shadows(tmp_path):
    """A user's folder with packages and modules named like ours, and like what ours once were."""
    (tmp_path / "simulations").mkdir()
    (tmp_path / "simulations" / "__init__.py").write_text("raise RuntimeError('the wrong simulations')")
    (tmp_path / "validation.py").write_text("raise RuntimeError('the wrong validation')")
    (tmp_path / "commands.py").write_text("raise RuntimeError('the wrong commands')")
    return tmp_path


def run(*command, cwd):
    return subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True, check=False)


def test_the_console_command_knows_its_version(installed, tmp_path):
    found = run(installed / "mli", "--version", cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    assert found.stdout.startswith("mli ")
    assert found.stdout.split()[1][0].isdigit()


ONE_RUN = """
title = "one run of a moment"
seeds = [0]
[fixed]
limit = 20
depth = 2
width = 16
learning_rate = 0.05
target_loss = 2.0
max_epochs = 60
alphas = 5
"""


def test_a_worker_of_the_console_command_imports_nothing_from_among_shadows(installed, folder_of_shadows):
    """In short: a worker is spawned for one run, and must not import the wrong packages either."""
    (folder_of_shadows / "tiny.toml").write_text(ONE_RUN)
    words = ["sweep", "tiny.toml", "--processes", "1", "--store", "store"]
    found = run(installed / "mli", *words, cwd=folder_of_shadows)
    assert found.returncode == 0, found.stderr
    assert "1 runs, 1 reached; 1 made now" in found.stdout
    assert len(list((folder_of_shadows / "store").glob("*/provenance.json"))) == 1


@pytest.mark.slow
@pytest.mark.long
def test_the_console_command_works_among_shadows(installed, folder_of_shadows):
    """The whole smoke run: workers are spawned, and must not import the wrong packages either."""
    found = run(installed / "mli", "validate", "--smoke", "--output", "out", cwd=folder_of_shadows)
    assert found.returncode == 0, found.stderr
    report = json.loads((folder_of_shadows / "out" / "report.json").read_text())
    assert [claim["id"] for claim in report["claims"]] == [f"C{i}" for i in range(1, 10)]
    assert len(list((folder_of_shadows / "out" / "figures").glob("*.pdf"))) == 3
    made = list((folder_of_shadows / "out" / "store").glob("*/provenance.json"))
    assert len(made) == len(smoke_job().star.runs)
    assert "smoke run" in (folder_of_shadows / "out" / "report.md").read_text()
    assert "C9" in found.stdout
    # The page's template and scripts are in the wheel, too.
    found = run(installed / "mli", "report", "--input", "out", "--output", "page", cwd=folder_of_shadows)
    assert found.returncode == 0, found.stderr
    page = (folder_of_shadows / "page" / "report.html").read_text()
    assert all(f'id="C{i}"' in page for i in range(1, 10))
    assert page.count('<figure class="drawn"') == 3


@pytest.mark.parametrize("how", [["-m", "mli", "--version"], ["-c", "import mli"], ["script.py"]])
def test_a_shadow_is_named_in_one_line_that_says_what_to_do(installed, folder_of_shadows, how):
    (folder_of_shadows / "script.py").write_text("import mli\nprint('went on')\n")
    found = run(installed / "python", *how, cwd=folder_of_shadows)
    shadow = folder_of_shadows / "simulations" / "__init__.py"
    assert found.returncode == 1
    assert found.stdout == ""
    (line,) = found.stderr.splitlines()
    assert line.startswith(f"mli: {shadow} is imported in place of ")
    assert "rename it, or run from another folder" in line


USERS_MODEL = """
import mli
from simulations.parts import make
from validation import CLASSES
from commands import SEED

mli.fcn, mli.plateau_end  # ours, though `simulations` is theirs just now

def network():
    return make(CLASSES)

def data():
    import torch
    return torch.rand(30, 4, generator=torch.Generator().manual_seed(SEED)), torch.arange(30) % CLASSES
"""


@pytest.mark.parametrize("package", [True, False], ids=["package", "folder without __init__"])
def test_a_model_imports_its_own_neighbours_of_our_names(installed, tmp_path, package):
    """`simulations`, `validation` and `commands` beside a model are the user's while it is loaded."""
    (tmp_path / "simulations").mkdir()
    if package:
        (tmp_path / "simulations" / "__init__.py").write_text("")
    (tmp_path / "simulations" / "parts.py").write_text(
        "from torch import nn\n"
        "def make(k):\n    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, k))\n"
    )
    (tmp_path / "validation.py").write_text(
        "CLASSES = 3\nfrom simulations.parts import make\ndef net():\n    return make(CLASSES)\n"
    )
    (tmp_path / "commands.py").write_text("SEED = 0\n")
    (tmp_path / "my_model.py").write_text(USERS_MODEL)
    network = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    save_file(network.state_dict(), tmp_path / "end.safetensors")
    ends = ["--end", "end.safetensors", "--data", "my_model:data", "--alphas", "11"]
    # The work itself once; a dry run loads the same modules, and the network and the data by them.
    for model, dry in (("my_model:network", not package), ("validation:net", True)):
        words = ["diagnose", "--model", model, *ends, *(["--dry-run"] if dry else [])]
        found = run(installed / "mli", *words, cwd=tmp_path)
        assert found.returncode == 0, found.stderr
        assert ("forward passes" if dry else "The report:") in found.stdout


def test_python_m_mli_works_where_nothing_is_shadowed(installed, tmp_path):
    found = run(installed / "python", "-m", "mli", "--version", cwd=tmp_path)
    assert found.returncode == 0, found.stderr


def test_the_help_of_the_power_model_lists_every_experiment():
    result = RUN.invoke(app, ["simulate", "power-model", "--help"])
    assert result.exit_code == 0
    for name in CATALOGUE:
        assert name in result.output


def test_an_unknown_experiment_is_refused_with_the_list(tmp_path):
    result = RUN.invoke(app, ["simulate", "power-model", "--experiment", "nope", "--output", str(tmp_path)])
    assert result.exit_code == 2
    assert "learning-order" in result.output
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("options", "size"), [([], "quick"), (["--full"], "full")])
def test_the_power_model_runs_what_was_asked(tmp_path, monkeypatch, options, size):
    asked = {}

    def record(folder, names, **arguments):
        asked.update(arguments, folder=folder, names=names)
        return [folder / "escape.nc"]

    monkeypatch.setattr(runner, "run_experiments", record)
    command = ["simulate", "power-model", "--experiment", "escape", "--seeds", "3", "--processes", "1"]
    result = RUN.invoke(app, [*command, "--output", str(tmp_path), *options])
    assert result.exit_code == 0, result.output
    assert asked == {"folder": tmp_path, "names": ("escape",), "seeds": 3, "size": size, "processes": 1}
    assert "escape.nc" in result.output
