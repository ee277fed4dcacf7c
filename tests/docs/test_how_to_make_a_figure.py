"""docs/how_to_make_a_figure.md: its block draws the figure that it promises."""

import re

import matplotlib.pyplot as plt

from tests.helpers.paths import ROOT

PAGE = (ROOT / "docs" / "how_to_make_a_figure.md").read_text()


def test_its_block_draws_two_networks_on_each_axes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names = {}
    exec(compile(block, "how_to_make_a_figure.md", "exec"), names)
    try:
        for ax in names["axes"]:
            _, labels = ax.get_legend_handles_labels()
            assert labels == ["last", "none"]
        assert (tmp_path / "my_figure.pdf").stat().st_size > 10_000
    finally:
        plt.close(names["fig"])
