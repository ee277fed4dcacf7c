"""The pages of the site that are made while it is built, in docs/generated, and the links between pages.

`everything.py` writes them: adopted pages (README, CONTRIBUTING, ...), claims, figures, the interface, the
command line, and each source file. `links.py` points links at them; `names.py` makes a link of each name of
a theorem, a claim or a figure in running text; `extension.py` joins all of it to Sphinx' build. The last two
need Sphinx, the others do not.
"""
