"""What every room needs of the machine: files, processes, progress, random streams.

atomic_files.py     files that are there whole or not at all; netcdf.py   NetCDF files
random_streams.py   random numbers by the name of their use
provenance.py       code, versions and machine that made a number
worker_processes.py jobs in spawned processes; progress.py   progress bars; argument_checks.py   counts
Imports no other room.
"""
