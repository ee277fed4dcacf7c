"""The page of `mli report`: its template, its scripts, and what fills it."""
