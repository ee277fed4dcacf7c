"""The command line, one file a verb, each a thin call: `mli` puts them together.

Its own floor, above all others: the only place that reads options and prints. Nothing heavy is imported
before a command runs.
"""
