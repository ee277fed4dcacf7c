"""Claims about the plateau: a prediction, a measurement, a rule fixed beforehand, a verdict.

Comes in: merged runs of a store (`simulations.runs`). Goes out: verdicts, reports and pages. From the top:

report, docs_pages, html_report   what was found, as data, Markdown, pages of docs/ and one HTML page
job                               what one call of `mli validate` trains, reads and judges
judgement, diagnosis              the rule applied to claims; a user's own network explained
claims                            one file a claim, with its rule: a new claim is added there
regimes                           the map of depth against initial scale, and borders on it
text, metrics, statistics         numbers in words; the shape of a curve; intervals and tests
"""
