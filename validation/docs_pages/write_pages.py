"""Verdicts kept in docs/: a record of each profile, and the pages and the README's list made from them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from simulations.runtime.atomic_files import atomic_path, writable_folder
from validation.claims.rule_text import P_OF_A_CLAIM
from validation.docs_pages.failures_page import where_it_fails_markdown
from validation.docs_pages.reproduce_page import made_from, reproduce_markdown
from validation.job.profiles import PROFILES
from validation.text.evidence_text import number

__all__ = ["pages_of", "read_records", "readme_block", "with_readme_block", "write_verdicts"]

Records = Mapping[str, Mapping[str, Any]]
"""Records by the name of their profile."""

_MOST_TOLD = ("standard", "full", "quick", "smoke")
_VERDICTS = """\
# Verdicts by profile

`mli validate --profile quick` trains the star alone, `standard` every experiment's quick form, `full` trains
nothing and judges all that is in the store. The claims and their rules are the same; criteria that need an
experiment are left out where it was not run.
"""
_BLOCK = re.compile(r"(?<=```text\n)claim .*?(?=```)", re.DOTALL)


def write_verdicts(docs: Path | str, record: Mapping[str, Any]) -> list[Path]:
    """Keep a record as `docs/verdicts/<profile>.json` and write anew what is made from all records there.

    These are the pages of `pages_of` and, in a README.md beside the folder, its list of verdicts.

    Returns:
        The files written.

    Raises:
        ValueError: a smoke run, which decides nothing; a record there that is damaged.
        OSError: the folder cannot be written.
    """
    if record["profile"] not in PROFILES:
        raise ValueError(
            f"a {record['profile']} run decides nothing, so it is not recorded: judge one of the profiles "
            f"{', '.join(PROFILES)}"
        )
    docs = Path(docs)
    records = dict(read_records(docs)) | {record["profile"]: record}
    texts = {docs / "verdicts" / f"{record['profile']}.json": _json(record)}
    texts |= {docs / name: page for name, page in pages_of(records).items()}
    readme = docs.resolve().parent / "README.md"
    if readme.is_file():
        written = readme.read_text(encoding="utf-8")
        texts |= {readme: with_readme_block(written, records)} if _BLOCK.search(written) else {}
    writable_folder(docs / "verdicts")
    for path, text in texts.items():
        with atomic_path(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return list(texts)


def read_records(docs: Path | str) -> dict[str, dict[str, Any]]:
    """The records in a folder, in the order of the profiles.

    Raises:
        ValueError: a file that is no JSON; the message names it.
    """
    found = {}
    for profile in PROFILES:
        path = Path(docs) / "verdicts" / f"{profile}.json"
        if path.is_file():
            try:
                found[profile] = json.loads(path.read_text(encoding="utf-8"))
            except ValueError as error:
                raise ValueError(f"{path} is damaged ({error}): remove it, or record its profile") from error
    return found


def pages_of(records: Records) -> dict[str, str]:
    """The pages by the names of their files; numbers come from the record that tells most."""
    record = records[next(profile for profile in _MOST_TOLD if profile in records)]
    return {
        "reproduce_the_paper.md": reproduce_markdown(record),
        "where_the_account_fails.md": where_it_fails_markdown(record),
        "verdicts.md": _verdicts_markdown(records),
    }


def _verdicts_markdown(records: Records) -> str:
    profiles = [profile for profile in _order(records) if profile in records]
    lines = [
        f"| claim | {' | '.join(f'{profile}: verdict | p' for profile in profiles)} |",
        f"| --- |{' --- | --- |' * len(profiles)}",
    ]
    for place, claim in enumerate(records[profiles[0]]["claims"]):
        cells = [
            f"**{found['verdict']}** | {number(found['p_holm'])}"
            for found in (records[profile]["claims"][place] for profile in profiles)
        ]
        lines.append(f"| {claim['id']} {claim['title']} | {' | '.join(cells)} |")
    made = [made_from(records[profile]) for profile in profiles]
    return "\n".join([_VERDICTS, *lines, "", P_OF_A_CLAIM, "", *made])


def readme_block(records: Records) -> str:
    """The README's list: a line a claim, a column a profile."""
    profiles = [profile for profile in PROFILES if profile in records]
    rows = [["claim", "", *profiles]]
    for place, claim in enumerate(records[profiles[0]]["claims"]):
        verdicts = [records[profile]["claims"][place]["verdict"] for profile in profiles]
        rows.append([claim["id"], claim["title"], *verdicts])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n"
        for row in rows
    )


def with_readme_block(readme: str, records: Records) -> str:
    """The README with its list of verdicts (a ```text block that begins with "claim") made anew."""
    return _BLOCK.sub(lambda _: readme_block(records), readme, count=1)


def _order(records: Records) -> list[str]:
    return [*PROFILES, *(profile for profile in records if profile not in PROFILES)]


def _json(record: Mapping[str, Any]) -> str:
    return json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
