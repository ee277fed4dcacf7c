"""The page of `mli report`: report.html, one file that opens without a network.

Comes in: a report.json, stored lines, drawn figures. Goes out: report.html and tables as CSV.
write.py    all of it; page.py   the template filled; claim_view.py, blocks.py, measured_lines.py   its parts
source.py   what is read; tables.py   the tables; *.html, *.css, *.js   the template, its look and scripts
May import: claims, job, text, simulations.
"""
