"""One file a figure: saved numbers drawn onto a matplotlib `Axes`."""
