"""Sphinx' settings. `make docs` builds the site of this folder without a network, warnings being errors."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]
os.environ["COLUMNS"] = "100"
os.environ.setdefault("OMP_NUM_THREADS", "1")  # the tutorials' networks are small: more threads only wait
os.environ["TQDM_DISABLE"] = "1"

project = "mli-plateau"
author = "The mli-plateau contributors"
copyright = "BSD 3-Clause licence"  # noqa: A001 - Sphinx' name
html_title = "mli-plateau"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "site_pages.extension",
]
exclude_patterns = [
    "figures",  # the site's own pages of the figures, generated/figures, have links as well
    "generated/drawn",
    "gallery",
    "site_pages",
    "tutorials/*.ipynb",
    "tutorials/*.py",
    "tutorials/*.md5",
    "tutorials/*.zip",
]
suppress_warnings = ["config.cache"]  # the gallery's settings hold a function
nitpicky = False
default_role = "code"
smartquotes_action = "D"  # dashes alone: L'(0) is a derivative

myst_enable_extensions = ["colon_fence", "dollarmath", "deflist"]
myst_heading_anchors = 4
myst_fence_as_directive = ["math"]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
_ALIASES = (
    "ArrayLike",
    "NDArray",
    "Array",
    "Checkpoint",
    "Output",
    "BatchHook",
    "PathFunction",
    "Metrics",
    "ObjectiveName",
)
autodoc_type_aliases = {name: name for name in _ALIASES}  # by their names, not by what they stand for
maximum_signature_line_length = 88
napoleon_use_rtype = False
napoleon_use_ivar = True
add_module_names = False
python_use_unqualified_type_names = True
toc_object_entries = False

html_theme = "furo"
html_static_path = ["_static"]
html_favicon = "_static/favicon.svg"
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#005f99", "color-brand-content": "#005f99"},
    "dark_css_variables": {"color-brand-primary": "#6bb7e8", "color-brand-content": "#6bb7e8"},
    "navigation_with_keys": True,
}

# MathJax from a package's files: no page asks the network for it. site_pages copies what it needs.
_mathjax = find_spec("sphinx-mathjax-offline")
assert _mathjax is not None
assert _mathjax.origin is not None
mathjax_files = str(Path(_mathjax.origin).parent / "static" / "mathjax")
mathjax_path = "mathjax/tex-chtml.js"
mathjax3_config = {"chtml": {"displayAlign": "left"}, "options": {"enableMenu": False}}

copybutton_exclude = ".linenos, .gp, .go"

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "tutorials",
    "filename_pattern": r"/\d\d_",
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "min_reported_time": 0,
    "write_computation_times": False,
    "remove_config_comments": True,
    "capture_repr": (),  # what a tutorial shows it prints
    "copyfile_regex": "",
}
