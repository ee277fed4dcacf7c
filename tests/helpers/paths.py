"""Where this checkout and the shared folder beside it lie."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"  # not everywhere: what reads it skips, visibly, where it is absent
