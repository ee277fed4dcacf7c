"""Numbers in words, and results as plain data.

Comes in: evidence and results. Goes out: Markdown, Python's own types, strict JSON.
evidence_text.py    a claim's evidence as Markdown
mean_intervals.py   a mean with its interval; plain_data.py   plain types, JSON
May import: statistics.
"""
