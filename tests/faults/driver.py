"""All faults: python -m tests.faults.driver --form short|medium|long [--only KIND ...].

Prints the table of what was tried, clear and wrong. The exit code is 1 where something was not clear.
"""

import argparse
import resource
import sys
import tempfile
from pathlib import Path

import torch

from tests.faults.fuzz import try_fuzz
from tests.faults.kills import TARGETS, try_kills
from tests.faults.limits import one_store, try_limits
from tests.faults.tally import table

# Kills of each of the four kinds of work, fuzzed files in all, full disks and signals each.
FORMS = {"short": (2, 60, 2), "medium": (20, 1000, 10), "long": (50, 3000, 30)}

KINDS = (*TARGETS, "limits", "fuzz")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--form", choices=FORMS, default="short")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=KINDS, nargs="+", default=KINDS)
    asked = parser.parse_args()
    kills, files, times = FORMS[asked.form]
    torch.set_num_threads(1)  # a fork keeps no other
    rows = []

    def tell(more):
        rows.extend(more)
        print(table(rows), file=sys.stderr, flush=True)  # long before the end

    with tempfile.TemporaryDirectory(prefix="mli-faults-") as temporary:
        folder = Path(temporary)
        for target in TARGETS:
            if target in asked.only:
                tell(try_kills(folder / "kills", [target], kills, asked.seed))
        if "limits" in asked.only:
            tell(try_limits(folder / "limits", times, asked.seed))
        if "fuzz" in asked.only:
            tell(try_fuzz(folder / "fuzz", one_store(folder / "store"), files, asked.seed))
    print(table(rows))
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(f"{sum(one.ru_utime + one.ru_stime for one in used):.0f} CPU seconds")
    sys.exit(0 if all(row.good for row in rows) else 1)


if __name__ == "__main__":
    main()
