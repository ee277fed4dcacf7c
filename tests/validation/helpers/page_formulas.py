"""The page's formulas, called from Python: quickjs runs the very file that the page embeds."""

import json
import math
from importlib.resources import files

import quickjs

SOURCE = files("validation.html_report").joinpath("formulas.js").read_text(encoding="utf-8")

# JSON has no infinity: it travels as a word, a thrown RangeError as its message.
_CALLS = """
function callAll(name, cases) {
  const word = (key, value) => (typeof value === "number" && !Number.isFinite(value) ? String(value) : value);
  const answers = JSON.parse(cases).map((args) => {
    try {
      return { value: formulas[name](...args) };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return { refused: error.message };
    }
  });
  return JSON.stringify(answers, word);
}
"""
_WORDS = {"Infinity": math.inf, "-Infinity": -math.inf, "NaN": math.nan}


class RefusedError(Exception):
    """The formula threw a RangeError, with this message."""


class PageFormulas:
    """`formulas.js` in an engine of its own."""

    def __init__(self):
        self.context = quickjs.Context()
        self.context.eval(SOURCE)
        self.context.eval(_CALLS)

    def each(self, name, cases):
        """The formula's value for every list of arguments, or a `RefusedError` in its place."""
        answers = json.loads(self.context.get("callAll")(name, json.dumps(cases)))
        return [RefusedError(a["refused"]) if "refused" in a else _numbers(a["value"]) for a in answers]

    def __call__(self, name, *arguments):
        (value,) = self.each(name, [arguments])
        if isinstance(value, RefusedError):
            raise value
        return value


def _numbers(value):
    if isinstance(value, dict):
        return {key: _numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_numbers(item) for item in value]
    return _WORDS[value] if isinstance(value, str) else value
