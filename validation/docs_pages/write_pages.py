"""Verdicts kept in docs/: a record of each profile, and the pages and the README's table made from them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from simulations.runtime.atomic_files import atomic_path, writable_folder
from validation.claims.rule_text import P_OF_A_CLAIM, p_of_a_claim
from validation.docs_pages.failures_page import where_it_fails_markdown
from validation.docs_pages.reproduce_page import made_from, reproduce_markdown
from validation.job.profiles import PROFILES, RECORDED
from validation.job.recorded_tables import committed_table
from validation.text.evidence_text import number
from validation.text.judged_where import verdict_there
from validation.text.where_it_holds import where_it_holds_markdown

__all__ = ["pages_of", "read_records", "readme_table", "with_readme_table", "write_verdicts"]

Records = Mapping[str, Mapping[str, Any]]
"""Records by the name of their profile."""

KEPT = (*PROFILES, RECORDED)
"""The profiles whose verdicts are kept."""

_MOST_TOLD = ("standard", "full", "quick", "smoke")
_LEAD = """\
# Where the abstract holds, and verdicts by profile

{map}Each sentence of the abstract ([quoted in full](reproduce_the_paper.md)), where it holds on our runs and
where it does not. A claim's numbers are means over seeds beside what was claimed of them; the map is fully
connected networks on digits, depth against initial scale, cells as means over seeds; all of it stands in
[regimes.md](regimes.md).

{table}
"""
_VERDICTS = """\
## Verdicts by profile

`mli validate --profile quick` trains the star alone, `standard` every experiment's quick form, `full` trains
nothing and judges all that is in the store. The claims and their rules are the same; criteria that need an
experiment are left out where it was not run. `recorded` judges the claims about regimes on the runs that the
package carries. A verdict is about the networks named beside it.
"""
_MAP = "![Depth against initial scale: both plateaus' ends and what a bias adds](images/F14.png)\n\n"
_TABLE = re.compile(r"\| sentence of the abstract .*?\n(?=\n)", re.DOTALL)


def write_verdicts(docs: Path | str, record: Mapping[str, Any]) -> list[Path]:
    """Keep a record as `docs/verdicts/<profile>.json` and write anew what is made from all records there.

    These are the pages of `pages_of` and, in a README.md beside the folder, its table.

    Returns:
        The files written.

    Raises:
        ValueError: a smoke run, which decides nothing; a record there that is damaged.
        OSError: the folder cannot be written.
    """
    if record["profile"] not in KEPT:
        raise ValueError(
            f"a {record['profile']} run decides nothing, so it is not recorded: judge one of the profiles "
            f"{', '.join(KEPT)}"
        )
    docs = Path(docs)
    records = dict(read_records(docs)) | {record["profile"]: record}
    texts = {docs / "verdicts" / f"{record['profile']}.json": _json(record)}
    texts |= {docs / name: page for name, page in pages_of(records).items()}
    readme = docs.resolve().parent / "README.md"
    if readme.is_file():
        written = readme.read_text(encoding="utf-8")
        told = with_readme_table(written, records)
        texts |= {readme: told} if told != written else {}
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
    for profile in KEPT:
        path = Path(docs) / "verdicts" / f"{profile}.json"
        if path.is_file():
            try:
                found[profile] = json.loads(path.read_text(encoding="utf-8"))
            except ValueError as error:
                raise ValueError(f"{path} is damaged ({error}): remove it, or record its profile") from error
    return found


def pages_of(records: Records) -> dict[str, str]:
    """The pages by the names of their files; numbers come from the record that tells most.

    Of records of the profile recorded alone only the page of verdicts can be made.
    """
    found = {"verdicts.md": _verdicts_markdown(records)}
    told = [profile for profile in _MOST_TOLD if profile in records]
    if told:
        record = records[told[0]]
        found["reproduce_the_paper.md"] = reproduce_markdown(record)
        found["where_the_account_fails.md"] = where_it_fails_markdown(record)
    return found


def _verdicts_markdown(records: Records) -> str:
    parts = [_LEAD.format(map=_MAP, table=_full_table(records)), _VERDICTS]
    star = [profile for profile in _order(records) if profile in records and profile != RECORDED]
    if star:
        parts += [*_table(records, star), "", P_OF_A_CLAIM, ""]
    if RECORDED in records:
        parts += [*_table(records, [RECORDED]), "", p_of_a_claim(len(records[RECORDED]["claims"])), ""]
    return "\n".join(
        [*parts, *(made_from(records[profile]) for profile in _order(records) if profile in records)]
    )


def _table(records: Records, profiles: Sequence[str]) -> list[str]:
    lines = [
        f"| claim | {' | '.join(f'{profile}: verdict | p' for profile in profiles)} |",
        f"| --- |{' --- | --- |' * len(profiles)}",
    ]
    for place, claim in enumerate(records[profiles[0]]["claims"]):
        cells = [
            f"**{verdict_there(found)}** | {number(found['p_holm'])}"
            for found in (records[profile]["claims"][place] for profile in profiles)
        ]
        lines.append(f"| {claim['id']} {claim['title']} | {' | '.join(cells)} |")
    return lines


def readme_table(records: Records) -> str:
    """The sentences of the abstract, and which claims hold where, without numbers."""
    return where_it_holds_markdown(list(_verdicts_that_saw_most(records).values()), None, numbers=False)


def _full_table(records: Records) -> str:
    """The sentences of the abstract, where each holds: from the verdicts that saw most, and the map."""
    return where_it_holds_markdown(
        list(_verdicts_that_saw_most(records).values()), committed_table("regime_map")
    )


def _verdicts_that_saw_most(records: Records) -> dict[str, Mapping[str, Any]]:
    """By claim: of the last profile that has data; `full` comes after `standard`."""
    found: dict[str, Mapping[str, Any]] = {}
    for profile in _order(records):
        for claim in records[profile]["claims"] if profile in records else ():
            if claim["id"] not in found or claim["verdict"] != "undecided: no data":
                found[claim["id"]] = claim
    return found


def with_readme_table(readme: str, records: Records) -> str:
    """The README with its table of the abstract's sentences anew."""
    return _TABLE.sub(lambda _: readme_table(records), readme, count=1)


def _order(records: Records) -> list[str]:
    return [*KEPT, *(profile for profile in records if profile not in KEPT)]


def _json(record: Mapping[str, Any]) -> str:
    return json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
