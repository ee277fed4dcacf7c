"""The command line's page, from typer's own description of it."""

from __future__ import annotations

import html
import re
import subprocess
import sys

__all__ = ["command_line_page"]


def command_line_page() -> str:
    """The page, as Markdown."""
    words = ["-m", "typer", "mli.commands.application", "utils", "docs", "--name", "mli"]
    text = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=True).stdout
    text = html.unescape(text).replace("# `mli`", "# The command line", 1)
    # A type such as <path> stands in backticks already; elsewhere "<" would open a tag.
    return re.sub(
        r"^(\* `[^`]*`: )(.*)$", lambda m: m[1] + m[2].replace("<", r"\<"), text, flags=re.MULTILINE
    )
