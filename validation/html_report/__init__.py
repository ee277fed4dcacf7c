"""The pages of `mli report` and `mli diagnose`: one report.html each, which opens without a network.

Comes in: a report.json, stored lines, drawn figures; or a diagnosis. Goes out: report.html, tables as CSV.
write.py    all of it; page.py   the template filled; claim_view.py, blocks.py, measured_lines.py   its parts
source.py   what is read; tables.py, theorem_rows.py   its tables; diagnosis_page.py   a diagnosis
*.html, *.css, *.js   the templates, their look and scripts, and the library that plots
May import: claims, diagnosis, job, text, simulations.
"""
