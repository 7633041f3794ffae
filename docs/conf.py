"""Sphinx configuration: MyST pages and the reference from the docstrings."""

from importlib.metadata import version as installed

project = "cofire"
author = "The cofire developers"
project_copyright = "The cofire developers, Apache-2.0"
version = release = installed("cofire")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_preserve_defaults = True
napoleon_use_rtype = False

html_theme = "furo"
html_title = f"cofire {version}"
html_show_sphinx = False
