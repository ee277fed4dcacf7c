"""The report of `mli validate`: report.json, report.md and the terminal's table.

Comes in: an `Outcome` of `validation.job`. Goes out: files in a folder.
report_data.py       every number as data
report_markdown.py   the same to read; terminal_table.py   the verdicts
May import: claims, docs_pages, job, judgement, text, simulations.
"""
