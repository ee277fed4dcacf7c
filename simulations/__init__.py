"""What is run: data sets, networks, training, paths, curves and the power model's gradient flow.

Raw numbers per seed come from here; intervals and verdicts are validation's. Each room imports only rooms
further down (pyproject.toml's import contract keeps this):

sweeps                     many runs on an engine
runs                       one run, from its spec to its files
curves, prediction         loss and error along a path; the line foretold from its ends
certified_line, recording  which class leads at every real alpha, proved; ends kept in training
line                       a network held at one alpha
objectives                 losses and errors of any output
user_data, training        any data as batches; training
networks, datasets, power_model_experiments, experiments/*.toml
gradient_flow, interpolation, specs, models
runtime                    files, processes, random streams
"""
