"""What one call of `mli validate` trains, reads and judges.

Comes in: a profile (quick, standard, full, recorded, smoke), a store. Goes out: `Outcome` with the verdicts.
profiles.py           the profiles; main_job.py   the job; observed_store.py   a store as observations
recorded_runs.py, recorded_tables.py, recorded_digests.py   runs, sweeps as small committed files, verified
run_gauss_length.py   the Gauss length of a stored run; run_measures.py   the measures of all runs of a store
May import: claims, judgement, metrics, regimes, mli_theory, simulations.
"""
