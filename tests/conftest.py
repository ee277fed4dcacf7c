"""One torch thread a process, and in CI nearly the same Hypothesis examples on every run.

Hypothesis also draws constants from the modules that are loaded by then, and which those are hangs on the
order in which xdist hands out the tests. torch's generator is seeded anew for each fixture and each test: a
network that a test draws does not hang on the tests before it. HYPOTHESIS_PROFILE=explore searches at random
(`make explore`, every week in CI), HYPOTHESIS_PROFILE=quick draws fewer examples (`make test-quick`).

A property that says no number of its own draws 50 examples. Its edges are pinned by @example: to find others
is the exploration's work, with 1,000.
"""

import os
import sys
import zlib

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

from hypothesis import HealthCheck, settings

# No deadline: a shared machine's pauses are no defect. Derandomised in CI: a red run repeats.
settings.register_profile("ci", max_examples=50, deadline=None, derandomize=True, print_blob=True)
settings.register_profile("quick", settings.get_profile("ci"), max_examples=10)
settings.register_profile(
    "explore", max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def seed_torch(name):
    """Seed torch's generator by `name`, if torch is loaded."""
    if (torch := sys.modules.get("torch")) is not None:
        torch.manual_seed(zlib.crc32(name.encode()))


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(fixturedef):
    seed_torch(fixturedef.argname)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item):
    seed_torch(item.nodeid)
