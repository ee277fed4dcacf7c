"""`mli report`: what is already computed, as a page to look at and as tables."""

from __future__ import annotations

from pathlib import Path

from simulations.runtime.atomic_files import atomic_path, writable_folder
from validation.claims.rule_text import judgement
from validation.html_report.file_links import checked_address
from validation.html_report.measured_lines import measured_lines, read_lines
from validation.html_report.page import render_page
from validation.html_report.source import copy_report, find_figures, read_report, told_as_misshapen
from validation.html_report.tables import report_tables, write_tables
from validation.job.recorded_tables import committed_table

__all__ = ["write_report_page"]


def write_report_page(source: Path, store: Path, figures: Path, output: Path, links: str = "") -> Path:
    """Write `output/report.html`, copies of report.json and report.md with its figures, and `tables/*.csv`.

    Nothing is trained, walked or judged. The same input gives the same bytes; a file is whole or not there.

    Args:
        source: a folder of `mli validate`: report.json, and figures where they are there.
        store: of the report's runs, for their lines; may be missing.
        figures: a folder of `mli figures`; may be missing.
        output: made if need be.
        links: address or folder of a copy of the repository: the page then links docs, code and tests that it
            names to it.

    Returns:
        The page's path.

    Raises:
        FileNotFoundError: no report.json in `source`.
        ValueError: a report.json that is damaged or no report; a damaged run in the store; `links`
            that no browser opens.
        OSError: the output cannot be written.
    """
    address = checked_address(links)
    data = read_report(source)
    writable_folder(output, ["report.html", "report.md", "report.json"])
    shown = find_figures([source / "figures", figures])
    table = committed_table("regime_map")
    with told_as_misshapen(source):
        lines = measured_lines(read_lines(store, data.get("runs", [])))
        page = render_page(data, lines, shown, judgement(len(data["claims"])), table, address)
        tables = report_tables(data, lines)
    write_tables(output / "tables", tables)
    copy_report(source, output)
    with atomic_path(output / "report.html") as temporary:
        temporary.write_text(page, encoding="utf-8")
    return output / "report.html"
