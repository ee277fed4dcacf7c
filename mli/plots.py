"""Plots of results, a question each: `help(mli.plots)` lists them.

    from mli import plots

    plots.line(curves)                # what does the line look like?
    plots.networks({"a": a, "b": b})  # how do several networks' lines differ?
    plots.holders(curves)             # which class holds the predictions?
    plots.classes(curves)             # when is each class learned?
    plots.otherwise(found)            # what would the line be otherwise?
    plots.accounts(found)             # what makes the plateau?
    plots.layers(found)               # which layers keep their initial weights?
    plots.proved(certified, curves)   # what is proved of the line?
    plots.weights_and_biases(flow)    # how does the power model learn?

Each returns its axes; `ax=` or `axes=` are axes of one's own.
"""

from paper_figures.plots import (
    accounts,
    classes,
    holders,
    layers,
    line,
    networks,
    otherwise,
    proved,
    weights_and_biases,
)

__all__ = [
    "accounts",
    "classes",
    "holders",
    "layers",
    "line",
    "networks",
    "otherwise",
    "proved",
    "weights_and_biases",
]
