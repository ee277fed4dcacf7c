"""What figures share: the look, lines and points with their spread, and curves taken from runs.

Comes in: merged runs, curves, axes. Goes out: lines and points drawn, figures saved.
style.py, symbols.py, panel_labels.py   the look, files, letters; curves.py   `draw_curves`, for users too
line_panels.py, point_panels.py, plane_panel.py   panels; seed_statistics.py   seeds as line and band
run_curves.py    curves by seed, measured and predicted; captions.py   where numbers come from
May import: mli_theory, simulations, validation.
"""
