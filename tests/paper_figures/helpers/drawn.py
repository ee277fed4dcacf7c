"""A figure's axes and its artists by name: no file is written."""

from matplotlib.figure import Figure


def drawn(figure, runs):
    """The dataset that the figure's module collects from the runs, and the axes it draws it on."""
    dataset = figure.collect(runs)
    return dataset, drawn_dataset(figure, dataset)


def drawn_dataset(figure, dataset):
    """The axes on which the figure's module draws a dataset."""
    layout = figure.layout(dataset)
    axes = Figure().subplots(layout.rows, layout.columns, squeeze=False)
    figure.draw(axes, dataset)
    return axes


def said(figure, dataset):
    """All that is said of a figure: its caption, then the numbers on its page."""
    return " ".join([figure.caption(dataset), *getattr(figure, "details", lambda _: ())(dataset)])


def line(ax, label):
    """The one line of that label."""
    (found,) = [line for line in ax.get_lines() if line.get_label() == label]
    return found
