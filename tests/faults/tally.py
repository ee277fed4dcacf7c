"""Counts of what was tried, printed as a table."""

from dataclasses import dataclass, field


@dataclass
class Row:
    """One kind of fault: what was tried, what was whole or told in one line, and what was not.

    `wrong` is a number that is another without a word, `lost` work that was done and is gone.
    """

    kind: str
    tried: int = 0
    clear: int = 0
    wrong: int = 0
    tracebacks: int = 0
    hangs: int = 0
    lost: int = 0
    examples: list = field(default_factory=list)

    def note(self, what, example=""):
        self.tried += 1
        setattr(self, what, getattr(self, what) + 1)
        if what != "clear" and len(self.examples) < 5:
            self.examples.append(f"{self.kind}: {what}: {example}")

    @property
    def good(self):
        return self.tried > 0 and self.tried == self.clear


COLUMNS = ("tried", "clear", "wrong", "tracebacks", "hangs", "lost")


def table(rows):
    """The rows as Markdown, and the examples below them."""
    lines = [f"| fault | {' | '.join(COLUMNS)} |", "| --- |" + " ---: |" * len(COLUMNS)]
    lines += [f"| {row.kind} | {' | '.join(str(getattr(row, c)) for c in COLUMNS)} |" for row in rows]
    total = [str(sum(getattr(row, column) for row in rows)) for column in COLUMNS]
    lines.append(f"| all | {' | '.join(total)} |")
    return "\n".join([*lines, "", *(example for row in rows for example in row.examples)])
