"""The command line, one file a verb, each a thin call.

`application.py` puts the verbs together. Here alone options are read and results printed. Nothing heavy is
imported before a command runs.
"""
