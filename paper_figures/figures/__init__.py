"""One file a figure: F1 to F24 with F13b, and those of a diagnosis and of a certified line.

Comes in: runs, or a diagnosis. Goes out: axes with what is drawn, and a caption.
A figure's module has `collect` (runs to one Dataset), `layout`, `draw`, `caption` (at most 120 words), TITLE,
and `details`, sentences for its page, where the caption has no room for its numbers.
A new figure is a file here and a line in `paper_figures.catalogue`.
May import: drawing, mli_theory, simulations, validation.
"""
