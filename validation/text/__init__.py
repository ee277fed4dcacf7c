"""Numbers in words, and results as plain data.

Comes in: evidence and results. Goes out: Markdown, Python's own types, strict JSON.
evidence_text.py    a claim's evidence as Markdown; cells_in_words.py   cells of the map
mean_intervals.py   a mean with its interval; plain_data.py   plain types, JSON
where_it_holds.py   the abstract's sentences, verdicts and map; judged_where.py   a verdict's networks
theory_statements.py   each theorem in a line, its files, claims and figures
May import: regimes, statistics.
"""
