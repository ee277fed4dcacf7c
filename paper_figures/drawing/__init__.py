"""What figures share: the look, lines and points with their spread, and curves taken from runs.

style.py          fonts, colours, sizes, files; curves.py   `draw_curves`, for users' own figures too
line_panels.py, point_panels.py   panels of curves and of numbers; seed_statistics.py   seeds as line and band
run_curves.py     curves by seed, measured and predicted, from merged runs
"""
