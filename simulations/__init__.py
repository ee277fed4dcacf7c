"""What is run: data sets, networks, training, paths, curves and the simple model's gradient flow.

Raw numbers per seed come from here; intervals and verdicts are validation's.
"""
