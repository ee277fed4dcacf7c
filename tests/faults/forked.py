"""A piece of work in a child of this process, which may kill it, limit it, or stop it where it hangs.

The child is forked, so that nothing is imported anew: torch must have one thread alone.
"""

import contextlib
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

HANGS_AFTER = 120.0  # seconds of the CPU, and ten times as many of the clock


@dataclass(frozen=True)
class Ended:
    """How a child ended: its exit code or the signal's number, what it printed, and whether it hung."""

    code: int | None
    signal: int | None
    out: str
    err: str
    hung: bool

    @property
    def traceback(self):
        return "Traceback (most recent call last)" in self.err

    @property
    def said_in_one_line(self):
        """Nothing but lines of ours, of which one is an error."""
        lines = self.err.splitlines()
        errors = [line for line in lines if not line.startswith("mli: warning: ")]
        return len(errors) == 1 and errors[0].startswith("mli: ")


def run_forked(work, *, limits=(), cpu_seconds=None, kill_at_call=None, below=None):
    """Do `work()` in a child.

    `limits`: pairs of a resource's limit and its value. `cpu_seconds`: it is killed after so many.
    `kill_at_call`: it is killed as it makes this file-system call (from 0) on a path below the folder
    `below`.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        sys.stdout.flush()
        sys.stderr.flush()
        child = os.fork()
        if not child:
            _in_the_child(work, out, err, limits, cpu_seconds, kill_at_call, below)
        hung, until = False, time.monotonic() + 10 * HANGS_AFTER
        while not (found := os.waitpid(child, os.WNOHANG))[0]:
            if time.monotonic() > until:
                hung = True
                os.kill(child, signal.SIGKILL)
            time.sleep(0.02)
        status = found[1]
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode("utf-8", "replace"))
    number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
    code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
    return Ended(code, number, *texts, hung or number == signal.SIGXCPU)


def _in_the_child(work, out, err, limits, cpu_seconds, kill_at_call, below):
    code = 1
    try:
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        used = int(time.process_time())
        resource.setrlimit(resource.RLIMIT_CPU, (used + int(HANGS_AFTER), used + int(HANGS_AFTER) + 5))
        if cpu_seconds is not None:
            # By default this signal ends a process at once, as SIGKILL does: no Python runs any more.
            signal.signal(signal.SIGVTALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_VIRTUAL, max(cpu_seconds, 1e-6))
        if kill_at_call is not None:
            _die_at(kill_at_call, Path(below))
        for limit, value in limits:
            resource.setrlimit(limit, (value, resource.getrlimit(limit)[1]))
        result = work()
        code = result if isinstance(result, int) else 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:  # noqa: BLE001 - whatever it is, the parent is told
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)


CALLS = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link", "os.symlink")


def count_calls(work, below):
    """How many file-system calls below a folder the work makes, in a child of its own."""
    reading, writing = os.pipe()

    def counted():
        made = [0]
        sys.addaudithook(lambda event, arguments: _count(made, event, arguments, Path(below)))
        work()
        os.write(writing, str(made[0]).encode())

    ended = run_forked(counted)
    os.close(writing)
    text = os.read(reading, 20)
    os.close(reading)
    assert text, ended.err
    return int(text)


def _count(made, event, arguments, below):
    made[0] += _is_below(event, arguments, below)


def _die_at(call, below):
    made = [0]

    def look(event, arguments):
        if _is_below(event, arguments, below):
            if made[0] == call:
                os.kill(os.getpid(), signal.SIGKILL)
            made[0] += 1

    sys.addaudithook(look)


def _is_below(event, arguments, below):
    return event in CALLS and str(below) in str(arguments[0])
