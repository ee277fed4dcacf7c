"""T15, the certified line of a ReLU network: which class leads at every real alpha, without grid or rounding.

Comes in: the affine steps' start and end weights, and inputs. Goes out: cells of alpha with the class that is
proved to lead on each. Every float is taken as the real number it is; the proof of each line of arithmetic
stands beside it (theory.md section 6).
network.py     the affine steps of the network, checked
rounding.py    the constants that bound what floating point adds, each with its proof
compiled.py    loops compiled by numba
passes.py      one layer's Taylor models, compiled; enclosure.py   all layers
backward.py    differences of logits, bounded back through the layers and not through |W|;
               pair_bounds.py   for the pairs that need it; norms.py   Euclidean and spectral norms from above
leads.py       which class leads, and up to where
loss.py        bounds of the loss, slope.py   of its slope; sure_exponential.py   exp, log, their errors
first_cells.py which cells to begin with; search.py   from them to decided ones
cells.py       what they say about plateau and error
exact_walk.py  one stretch of alpha in whole numbers; settled.py   the undecided rest, settled so
recheck.py     the cells proved a second time, by other arithmetic; recheck_backward.py   its bounds back
               through the layers; settled_again.py   what is settled
double_double.py   logits at one alpha in pairs of floats
"""
