"""`mli figures`: files, captions and tables; one line and no file where there is nothing to draw."""

import pytest
from typer.testing import CliRunner

from mli.commands.application import app
from paper_figures import sources
from tests.paper_figures.helpers.planted_runs import experiment
from validation.html_report.source import find_figures


@pytest.fixture
def run(tmp_path, monkeypatch):
    """The command in an empty folder; nothing is shipped."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sources, "SHIPPED", tmp_path / "nothing")
    return lambda *arguments: CliRunner().invoke(app, ["figures", *arguments])


def test_a_figure_its_caption_and_its_table(run, tmp_path):
    found = run("f3", "--format", "svg", "--output", "out")
    assert found.exit_code == 0, found.output
    assert found.output.splitlines() == [
        "F3: data computed when it was drawn",
        "out/F3.svg",
        "out/F3.txt",
        "out/F3.md",
    ]
    assert (tmp_path / "out" / "F3.txt").read_text().endswith("(Data computed when it was drawn.)\n")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["F3.md", "F3.svg", "F3.txt"]
    found = run("--data", "F3", "--output", "out")
    assert found.exit_code == 0, found.output
    assert found.output.splitlines()[1:] == ["out/F3.csv"]  # the table alone
    assert (tmp_path / "out" / "F3.csv").read_text().startswith("# degree: 3")


def test_collected_data_become_what_the_package_ships(run, tmp_path):
    found = run("F3", "F4", "--collect", "nothing")  # the folder that is shipped from
    assert found.exit_code == 1
    assert "F4 has no data in results/store: `mli sweep depth_and_bias`" in found.output
    assert [path.name for path in (tmp_path / "nothing").iterdir()] == ["F3.nc"]
    found = run("F3", "--shipped", "--format", "svg", "--output", "out")
    assert found.exit_code == 0, found.output
    assert "data shipped with the package, made 2" in (tmp_path / "out" / "F3.svg").read_text()


def test_a_figure_without_data_says_which_command_makes_them(run, tmp_path):
    found = run("F7", "F10")
    assert found.exit_code == 1
    assert found.output.splitlines() == [
        "mli: F7 has no data in results/store and none are shipped: "
        "`mli simulate power-model --experiment plateau-laws` makes them",
        "mli: F10 has no data in results/store and none are shipped: "
        "`python -m benchmarks.line_accuracy` makes them",
    ]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("F99",), "there is no figure 'F99': choose from F1, F2"),
        (("F3", "--width", "wide"), "width must be one of single, double, got 'wide'"),
        (("F3", "--format", "gif"), "formats are pdf, png, svg, separated by commas, got 'gif'"),
        (("F3", "--store", "no-such"), "there is no store at no-such: name a folder of runs, or leave"),
        (("--data", "F1", "--store", "no-such"), "there is no store at no-such"),
        (("F3", "--collect", "out", "--store", "no-such"), "there is no store at no-such"),
        (("F3", "--form", "long"), "form must be one of quick, paper, got 'long'"),
    ],
)
def test_bad_input_is_one_line_and_no_file(run, tmp_path, arguments, words):
    found = run(*arguments)
    assert found.exit_code == 2
    assert found.output.count("\n") == 1
    assert words in found.output
    assert list(tmp_path.iterdir()) == []


def test_an_output_folder_that_cannot_be_made_is_one_line(run, tmp_path):
    (tmp_path / "file").write_text("")
    found = run("F3", "--output", "file")
    assert found.exit_code == 1
    (why,) = found.output.splitlines()  # before anything is read
    assert "cannot be written" in why


def test_each_figure_says_whether_its_data_are_the_stores_or_the_packages(tmp_path, monkeypatch):
    """F6 is in the store, F1 is not: said on the screen, in the captions, in the tables and on the page."""
    store = tmp_path / "store"
    store.mkdir()
    planted = {"imposed_bias": experiment("imposed_bias")}
    monkeypatch.setattr(sources, "_runs", lambda _, name, __: planted.get(name, []))
    arguments = ["F1", "F6", "--data", "F1", "--store", str(store), "--output", str(tmp_path / "out")]
    found = CliRunner().invoke(app, ["figures", *arguments, "--format", "svg"])
    assert found.exit_code == 0, found.output
    made = sources.shipped_data("F1").attrs["made"]
    told = [line for line in found.output.splitlines() if line.startswith("F")]
    n_runs = len(planted["imposed_bias"])
    assert told == [
        f"F1: data shipped with the package, made {made}",
        f"F6: data of {n_runs} runs in {store}",
    ]
    for line in told:
        caption = (tmp_path / "out" / f"{line[:2]}.txt").read_text()
        assert caption.endswith(f"(D{line[5:]}.)\n")
    assert (
        f"# source: data shipped with the package, made {made}" in (tmp_path / "out" / "F1.csv").read_text()
    )
    assert [(f.name, f.shipped) for f in find_figures([tmp_path / "out"])] == [("F1", True), ("F6", False)]
