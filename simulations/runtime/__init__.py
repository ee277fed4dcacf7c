"""What every room needs of the machine.

Comes in: paths, names, jobs. Goes out: files whole or not at all, random streams, processes, provenance.
atomic_files.py, leftovers.py, netcdf.py, sealed_files.py   files; provenance.py   what made a number
worker_processes.py   jobs in processes; random_streams.py   random numbers by the name of their use
progress.py   progress bars; argument_checks.py, names_in_words.py, spreadsheet_text.py   counts and words
May import: mli_theory.
"""
