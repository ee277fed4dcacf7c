"""The command line, one file a verb, each a thin call.

`application.py` puts the verbs together; `messages.py` alone ends them, with their exit codes. Here alone
options are read and results printed. Nothing heavy is imported before a command runs.
"""
