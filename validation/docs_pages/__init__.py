"""Pages of docs/ that are generated.

Comes in: report.json of a profile (verdict_record.py keeps what the pages need). Goes out: Markdown.
write_pages.py   all pages and the README's table; reproduce_page.py, power_page.py, theory_map.py   one each
failures_page.py, by failures_of_the_account.py, failures_of_the_laws.py and failure_tables.py
May import: claims, job, judgement, regimes, text, mli_theory, simulations.
"""
