"""Progress in a pipe: lines, one a minute at most, by a clock that the test holds. On a terminal: a bar."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulations.runtime.progress import LINE_EVERY, ProgressLines, progress_bar
from simulations.training.progress_report import TrainingProgress, training_bar


class Clock:
    now = 1e6

    def __call__(self):
        return self.now


def told(capsys):
    out, err = capsys.readouterr()
    assert out == ""
    return err.splitlines()


def test_a_line_says_what_is_done_of_how_much(capsys):
    clock = Clock()
    with ProgressLines(clock=clock) as bar:
        task = bar.add_task("runs", total=12, completed=3)
        bar.advance(task)
        clock.now += 60
        bar.update(task, completed=5, description="runs, last star/centre seed 7 failed; 1 failed")
        clock.now += 59.9
        bar.update(task, completed=6)
        clock.now += 0.1
        bar.advance(task)
    assert told(capsys) == [
        "runs, last star/centre seed 7 failed; 1 failed: 5 of 12",
        "runs, last star/centre seed 7 failed; 1 failed: 7 of 12",
    ]


def test_work_that_ends_within_a_minute_says_nothing(capsys):
    assert LINE_EVERY == 60
    with ProgressLines(clock=Clock()) as bar:
        assert list(bar.track(range(100), total=100, description="reading")) == list(range(100))
    assert told(capsys) == []


@settings(max_examples=50)
@given(st.lists(st.floats(0, 200), max_size=30))
def test_never_more_than_one_line_a_minute(steps):
    clock, lines = Clock(), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("builtins.print", lambda text, **_: lines.append((clock.now, text)))
        bar = ProgressLines(clock=clock)
        task = bar.add_task("epochs")
        for seconds in steps:
            clock.now += seconds
            bar.advance(task)
    times = [Clock.now, *(at for at, _ in lines)]
    assert all(later - earlier >= LINE_EVERY for earlier, later in pairwise(times))
    # And not fewer: a change that comes a minute after the last line is told.
    assert bool(lines) == any(sum(steps[: i + 1]) >= LINE_EVERY for i in range(len(steps)))


def test_a_terminal_has_a_bar_and_a_pipe_has_lines(monkeypatch):
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    assert isinstance(progress_bar(), ProgressLines)
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich then takes any stream for a terminal
    assert not isinstance(progress_bar(), ProgressLines)


def test_a_training_names_itself_its_loss_and_its_error(monkeypatch, capsys):
    clock = Clock()
    monkeypatch.setattr(
        "simulations.training.progress_report.progress_bar", lambda: ProgressLines(clock=clock)
    )
    with training_bar(40, "fcn of depth 8, bias last, seed 3") as draw:
        clock.now += 61
        draw(TrainingProgress(7, 40, 70, 0.12345, 0.25, 1.0, ""))
    assert told(capsys) == ["fcn of depth 8, bias last, seed 3, loss 0.123, error 25.0%: 7 of 40"]
