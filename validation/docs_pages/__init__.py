"""Pages of docs/ that are generated from recorded verdicts.

Comes in: report.json of a profile (verdict_record.py keeps what the pages need). Goes out: Markdown.
write_pages.py      all pages and the README's list
reproduce_page.py, failures_page.py, power_page.py   one page each
failures_of_the_account.py, failures_of_the_laws.py, failure_tables.py   sections of the page of failures
May import `claims`, `judgement`, `text`.
"""
