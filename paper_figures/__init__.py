"""Figures from saved numbers.

Comes in: a store of runs, or the data shipped in data/. Goes out: PDF, PNG, SVG, captions, pages, CSV.
catalogue.py   the figures by name; sources.py   their numbers; figure_files.py   their files
main_job_figures.py   the three of `mli validate`; literature_page.py   docs/literature.md
plots.py   those of one's own results (`mli.plots`)
figures/   one file each; drawing/   what they share
"""
