"""Numbers in words, and results as plain data.

evidence_text.py    a claim's evidence as Markdown; mean_intervals.py   a mean with its interval
plain_data.py       results as Python's own types, and strict JSON
May import the standard library and numpy.
"""
