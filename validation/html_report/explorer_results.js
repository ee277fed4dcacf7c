// What the theory says of the explorer's network, as rows of a table: quantity, value, what it means.
"use strict";

const explorerResults = (() => {
  const say = plots.legible;

  // `state` is the network's, `alphas` and `curves` are those drawn, the rest what formulas said:
  // { value } or { refused }.
  function rows({ state, alphas, curves, plateau, bump, nextBump, laws }) {
    const [linear] = curves;
    return [
      ...plateauRows(plateau),
      [
        "a tenth of the loss's fall is spent at",
        say(formulas.plateauEnd(alphas, linear.loss)),
        "How the claims measure the plateau of the loss.",
      ],
      [
        "a tenth of the error's fall is spent at",
        say(formulas.plateauEnd(alphas.slice(1), linear.error.slice(1))),
        "The same for the error, from its limit at 0+.",
      ],
      bumpRow(bump, nextBump, state.degree),
      riseRow(alphas, linear.loss),
      ...(state.factor ? [factorRow(state.factor)] : []),
      [
        "final loss, final error",
        `${say(linear.loss.at(-1))} nats, ${say(linear.error.at(-1))}`,
        state.heldByBias
          ? `The law's ${say(state.finalLoss)} is of its leading order, the other classes far behind in bias.`
          : "Of the trained network, α = 1.",
      ],
      ...laws.map((law, i) => lawRow(law, "ab"[i], state)),
      [
        "limit of both laws",
        say(limit(state.degree)),
        "2 to the power −1/(r − 1): first the start goes to 0, then the loss.",
      ],
    ];
  }

  function plateauRows(plateau) {
    const name = "α₂, end of the plateau (T2)";
    if (plateau.refused) {
      return [[name, "none", "No single largest bias: no class holds every sample at first."]];
    }
    const { end, error, errorEnd } = plateau.value;
    return [
      [
        name,
        end <= 1 ? say(end) : "beyond 1",
        `Until there every sample is predicted as one class, and a share of ${say(error)} is wrong.`,
      ],
      ["the error stays constant until", say(errorEnd), "Never shorter than α₂ if all samples end correct."],
    ];
  }

  function bumpRow(bump, nextBump, degree) {
    const name = "the loss rises first by (T4)";
    if (bump.refused) {
      const why = degree < 3 ? "T4's bump needs a degree of 3 or more." : "To leading order the loss never turns.";
      return [name, "–", why];
    }
    const { alpha, height, smallParameter } = bump.value;
    const next = nextBump.value;
    return [
      name,
      `${say(height)} nats at α = ${say(alpha)}`,
      (next ? `Next order: ${say(next.height)} at ${say(next.alpha)}. ` : "The next order is of no use here. ") +
        (smallParameter < 1
          ? `Good where α max|b|, here ${say(smallParameter)}, is small.`
          : `A guess: α max|b| is ${say(smallParameter)} here, and would have to be small.`),
    ];
  }

  function riseRow(alphas, loss) {
    const highest = Math.max(...loss);
    const rise = highest - loss[0];
    const where = rise > 0 ? ` at α = ${say(alphas[loss.indexOf(highest)])}` : "";
    const meaning = "The largest loss on 201 alphas, less log k.";
    return ["the curve itself rises by", `${say(rise)} nats${where}`, meaning];
  }

  function factorRow(factor) {
    const meaning = "Signal and biases are the sliders', times this: α₂ does not depend on it (T2).";
    return ["factor of the logits", say(factor), meaning];
  }

  function lawRow(law, letter, { degree, finalLoss }) {
    const name = `power model, law (${letter}) (T11)`;
    if (law.refused) {
      const tooLarge = `A final loss of ${say(finalLoss)} is too large for it.`;
      return [name, "–", degree < 3 ? "T11 needs a degree of 3 or more." : tooLarge];
    }
    const { plateauEnd, biasGap, signal } = law.value;
    return [
      name,
      `α₂ = ${say(plateauEnd)}`,
      `Bias gap ${say(biasGap)}, signal ${say(signal)} nats at a final loss of ${say(finalLoss)}.`,
    ];
  }

  function summary(plateau) {
    if (plateau.refused) return "The largest biases are equal: no single class holds every prediction.";
    const { end } = plateau.value;
    return end <= 1
      ? `One class holds every prediction up to α₂ = ${say(end)}.`
      : "One class holds every prediction on the whole line: the signal never overtakes the biases.";
  }

  function limit(degree) {
    return 2 ** (-1 / (degree - 1));
  }

  return { limit, rows, summary };
})();
