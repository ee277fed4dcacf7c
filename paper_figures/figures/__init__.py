"""One file a figure: F1 to F15, and those of a diagnosis and of a certified line.

Comes in: runs, or a diagnosis. Goes out: axes with what is drawn, and a caption.
A figure's module has `collect` (runs to one Dataset), `layout`, `draw`, `caption` and TITLE.
A new figure is a file here and a line in `paper_figures.catalogue`.
May import: drawing, mli_theory, simulations, validation.
"""
