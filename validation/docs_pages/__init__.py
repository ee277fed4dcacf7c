"""Pages of docs/ that are generated from recorded verdicts, and the map of the theory.

Comes in: report.json of a profile (verdict_record.py keeps what the pages need). Goes out: Markdown.
write_pages.py      all pages and the README's list
reproduce_page.py, failures_page.py, power_page.py   one page each
failures_of_the_account.py, failures_of_the_laws.py, failure_tables.py   sections of the page of failures
theory_map.py       docs/theory/map.md: what computes, proves, tests and uses each statement of the theory
May import `claims`, `judgement`, `text`; theory_map.py takes statuses of theorems and no verdicts.
"""
