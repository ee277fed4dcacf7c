"""The library that plots: the file of the npm package, unchanged, with its licence; pages stay small."""

import hashlib
from importlib.resources import files

from validation.html_report.page import LIBRARY

ROOM = files("validation.html_report")
# `npm pack plotly.js-basic-dist-min@4.1.1`, package/plotly-basic.min.js
SHA256 = "99784e3abfb07b142a15e521a439e6d9addceadb3f79553fd24c72774f0649ba"


def test_it_is_the_published_file_with_its_licence():
    content = ROOM.joinpath(LIBRARY).read_bytes()
    assert hashlib.sha256(content).hexdigest() == SHA256
    assert b"plotly.js (basic - minified) v4.1.1" in content[:200]
    licence = ROOM.joinpath("plotly-basic.LICENSE.txt").read_text()
    assert "Permission is hereby granted, free of charge" in licence
    assert "Plotly" in licence


def test_it_leaves_a_page_most_of_its_two_megabytes():
    assert len(ROOM.joinpath(LIBRARY).read_bytes()) < 1_300_000
