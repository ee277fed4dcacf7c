"""Claims about the plateau: a prediction, a measurement, a rule fixed beforehand, a verdict."""
