// The explorer: native inputs in, the formulas' curves out.
"use strict";

(() => {
  const STEPS = 200;
  const ALPHAS = Array.from({ length: STEPS + 1 }, (_, i) => i / STEPS);
  const PATHS = [
    { key: "linear", label: "bias grows as α", name: "blue", dash: "solid", width: 3 },
    { key: "homogeneous", label: "bias grows as αʳ", name: "green", dash: "dash", width: 2 },
    { key: "none", label: "no bias", name: "purple", dash: "dot", width: 2 },
  ];
  const PRESETS = {
    deep: { degree: 6, classes: 4, signal: 16, "signal-spread": 0.4, "bias-gap": 3, "bias-spread": 2, scale: "sliders" },
    shallow: { degree: 2, classes: 4, signal: 16, "signal-spread": 0.4, "bias-gap": 3, "bias-spread": 2, scale: "sliders" },
    equal: { degree: 6, classes: 4, signal: 16, "signal-spread": 0.4, "bias-gap": 0, "bias-spread": 0, scale: "sliders" },
    bump: { degree: 10, classes: 4, signal: 24, "signal-spread": 0.4, "bias-gap": 6, "bias-spread": 4, scale: "sliders" },
    law: { degree: 3, classes: 4, "bias-spread": 2, scale: "small_scale", "final-loss": -4 },
  };
  const input = (id) => document.getElementById(id);
  const number = (id) => Number(input(id).value);

  // The trained network that the inputs describe, or why there is none.
  function network() {
    const scale = input("scale").value;
    const state = {
      degree: number("degree"),
      nClasses: number("classes"),
      signal: number("signal"),
      signalSpread: number("signal-spread"),
      biasGap: number("bias-gap"),
      biasSpread: number("bias-spread"),
      finalLoss: 10 ** number("final-loss"),
      scale,
    };
    if (scale === "small_scale" || scale === "small_loss") {
      const law = formulas.plateauLaw(state.nClasses, state.degree, state.finalLoss, scale);
      Object.assign(state, { signal: law.signal, signalSpread: 0, biasGap: law.biasGap });
      if (scale === "small_loss") state.biasSpread = 0;  // law (b): all gaps are equal
    }
    let made = formulas.exampleNetwork(state);
    if (scale === "scaled") {
      const t = formulas.logitScale(made.signal, made.bias, made.labels, state.finalLoss);
      state.factor = t;
      made = { ...made, signal: made.signal.map((row) => row.map((s) => t * s)), bias: made.bias.map((b) => t * b) };
    }
    return { state, ...made };
  }

  function attempt(formula) {
    try {
      return { value: formula() };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return { refused: error.message };
    }
  }

  function update() {
    showInputs();
    const made = attempt(network);
    if (made.refused) {  // nothing stale stays beside the reason
      input("explorer-summary").textContent = `There is no such network: ${made.refused}.`;
      for (const id of ["explorer-loss", "explorer-error", "explorer-law"]) {
        plots.draw(id, () => ({ traces: [], layout: { xaxis: { visible: false }, yaxis: { visible: false } } }));
      }
      for (const id of ["explorer-results", "explorer-numbers"]) plots.fillTable(input(id).querySelector("tbody"), []);
      return;
    }
    const { state, signal, bias, labels } = made.value;
    const problem = [signal, bias, labels, state.degree];
    const curves = PATHS.map(({ key }) => formulas.predictCurves(...problem, ALPHAS, key));
    const facts = {
      state,
      curves,
      plateau: attempt(() => formulas.plateau(...problem)),
      bump: attempt(() => formulas.lossBump(...problem)),
      nextBump: attempt(() => formulas.lossBump(...problem, true)),
      laws: ["small_scale", "small_loss"].map((regime) =>
        attempt(() => formulas.plateauLaw(state.nClasses, state.degree, state.finalLoss, regime))),
    };
    showSolved(state);
    drawCurves(facts);
    drawLaw(facts);
    showResults(facts);
    showNumbers(curves);
  }

  function showInputs() {
    const scale = input("scale").value;
    const law = scale === "small_scale" || scale === "small_loss";
    for (const id of ["signal", "signal-spread", "bias-gap"]) input(id).disabled = law;
    input("bias-spread").disabled = scale === "small_loss";
    const units = { signal: " nats", "bias-gap": " nats", "bias-spread": " nats" };
    for (const range of document.querySelectorAll(".controls input")) {
      const value = range.id === "final-loss" ? 10 ** number(range.id) : number(range.id);
      say(range.id, `${plots.legible(value)}${units[range.id] ?? (range.id === "final-loss" ? " nats" : "")}`);
    }
  }

  // Where a law sets a number, the slider says the law's.
  function showSolved(state) {
    const solved = { signal: state.signal, "signal-spread": state.signalSpread, "bias-gap": state.biasGap, "bias-spread": state.biasSpread };
    for (const [id, value] of Object.entries(solved)) {
      if (input(id).disabled) say(id, `${plots.legible(value)}${id === "signal-spread" ? "" : " nats"} (T11)`);
    }
  }

  function say(id, text) {
    input(`${id}-shown`).textContent = text;
    input(id).setAttribute("aria-valuetext", text);
  }

  function drawCurves({ state, curves, plateau, bump }) {
    const end = plateau.value ? [{ at: plateau.value.end, text: "α₂", name: "text", left: plateau.value.end > 0.9 }] : [];
    const top = bump.value && bump.value.height > 0 ? [{ at: bump.value.alpha, text: "T4", name: "quiet", left: true }] : [];
    const highest = Math.max(...curves.flatMap(({ loss }) => loss));
    for (const [quantity, first, marked] of [["loss", 0, [...end, ...top]], ["error", 1, end]]) {
      plots.draw(`explorer-${quantity}`, () => ({
        traces: PATHS.map(({ label, name, dash, width }, i) => ({
          // At alpha = 0 every logit ties, an error by the rule: the error is drawn from its limit 0+.
          x: ALPHAS.slice(first),
          y: curves[i][quantity].slice(first),
          mode: "lines",
          name: label,
          hovertemplate: "%{y:.3g}",
          line: { color: plots.colour(name), width, dash },
        })),
        layout: {
          ...plots.SMALL,
          xaxis: plots.axis("", { range: [0, 1], hoverformat: ".3f" }),
          yaxis: plots.axis("", { range: quantity === "error" ? [-0.03, 1.18] : [0, 1.2 * highest] }),
          ...plots.marks(marked),
        },
      }));
    }
  }

  function drawLaw({ state }) {
    const losses = Array.from({ length: 117 }, (_, i) => 10 ** (-12 + i / 10));
    const law = (regime) => losses.map((loss) => {
      const found = attempt(() => formulas.plateauLaw(state.nClasses, state.degree, loss, regime));
      return found.value ? found.value.plateauEnd : null;
    });
    const looks = [["small_scale", "law (a): tiny start", "blue", "solid"], ["small_loss", "law (b): small loss", "vermilion", "dash"]];
    plots.draw("explorer-law", () => ({
      traces: state.degree < 3 ? [] : looks.map(([regime, label, name, dash]) => ({
        x: losses, y: law(regime), mode: "lines", name: label, hovertemplate: "%{y:.3f}",
        line: { color: plots.colour(name), width: 2.5, dash },
      })),
      layout: {
        xaxis: plots.axis("final loss (nats), smaller to the right", { type: "log", range: [-0.5, -12], exponentformat: "power", hoverformat: ".1e", dtick: 2 }),
        yaxis: plots.axis("α₂", { range: [0, 1] }),
        shapes: [
          { type: "line", x0: state.finalLoss, x1: state.finalLoss, y0: 0, y1: 1, yref: "paper", line: { color: plots.colour("text"), width: 1.5, dash: "dot" } },
          { type: "line", x0: 0, x1: 1, xref: "paper", y0: limit(state.degree), y1: limit(state.degree), line: { color: plots.colour("quiet"), width: 1 } },
        ],
        annotations: [
          state.degree < 3
            ? { x: 0.5, y: 0.5, xref: "paper", yref: "paper", showarrow: false, text: "T11 needs a degree of 3 or more" }
            : { x: 1, y: limit(state.degree), xref: "paper", xanchor: "right", yanchor: "bottom", showarrow: false, font: { size: 12, color: plots.colour("quiet") }, text: "limit of both laws" },
        ],
      },
    }));
  }

  const limit = (degree) => 2 ** (-1 / (degree - 1));

  function showResults({ state, curves, plateau, bump, nextBump, laws }) {
    const [linear] = curves;
    const say3 = plots.legible;
    const measured = (quantity) => formulas.plateauEnd(ALPHAS, linear[quantity]);
    const errorSpent = formulas.plateauEnd(ALPHAS.slice(1), linear.error.slice(1));
    const rise = Math.max(...linear.loss) - linear.loss[0];
    const top = ALPHAS[linear.loss.indexOf(Math.max(...linear.loss))];
    const rows = [];
    if (plateau.value) {
      const { end, error, errorEnd } = plateau.value;
      rows.push(["α₂, end of the plateau (T2)", end <= 1 ? say3(end) : "beyond 1", `Until there every sample is predicted as one class, and a share ${say3(error)} is wrong.`]);
      rows.push(["the error stays constant until", say3(errorEnd), "Never shorter than α₂ if all samples end correct."]);
    } else {
      rows.push(["α₂, end of the plateau (T2)", "none", "No single largest bias: no class holds every sample at first."]);
    }
    rows.push(["a tenth of the loss's fall is spent at", say3(measured("loss")), "How the claims measure the plateau of the loss."]);
    rows.push(["a tenth of the error's fall is spent at", say3(errorSpent), "The same for the error, from its limit at 0+."]);
    rows.push(bump.value
      ? ["the loss rises first by (T4)", `${say3(bump.value.height)} nats at α = ${say3(bump.value.alpha)}`, nextBump.value ? `Next order: ${say3(nextBump.value.height)} at ${say3(nextBump.value.alpha)}. Good where α·max|b| = ${say3(bump.value.smallParameter)} is small.` : ""]
      : ["the loss rises first by (T4)", "–", state.degree < 3 ? "T4's bump needs a degree of 3 or more." : "To leading order the loss never turns on the line."]);
    rows.push(["the curve itself rises by", `${say3(rise)} nats${rise > 0 ? ` at α = ${say3(top)}` : ""}`, "The largest loss on this grid of 201 alphas, less log k."]);
    if (state.factor) {
      rows.push(["factor of the logits", say3(state.factor), "Signal and biases are the sliders', times this: α₂ does not depend on it (T2)."]);
    }
    rows.push(["final loss, final error", `${say3(linear.loss[STEPS])} nats, ${say3(linear.error[STEPS])}`, "Of the trained network, α = 1."]);
    laws.forEach((law, i) => {
      const name = `simple model, law (${"ab"[i]}) (T11)`;
      rows.push(law.value
        ? [name, `α₂ = ${say3(law.value.plateauEnd)}`, `Bias gap ${say3(law.value.biasGap)}, signal ${say3(law.value.signal)} nats at the final loss ${say3(state.finalLoss)}.`]
        : [name, "–", state.degree < 3 ? "T11 needs a degree of 3 or more." : `The final loss ${say3(state.finalLoss)} is too large for the law.`]);
    });
    rows.push(["limit of both laws", say3(limit(state.degree)), "2 to the power −1/(r − 1): tiny start first, then small loss."]);
    plots.fillTable(input("explorer-results").tBodies[0], rows);
    input("explorer-summary").textContent = plateau.value
      ? plateau.value.end <= 1
        ? `One class holds every prediction up to α₂ = ${say3(plateau.value.end)}.`
        : "One class holds every prediction on the whole line: the signal never overtakes the biases."
      : "The largest biases are equal: no single class holds every prediction.";
  }

  function showNumbers(curves) {
    const details = input("explorer-numbers");
    if (!details.open) return;
    const every = ALPHAS.map((_, i) => i).filter((i) => i % 10 === 0);
    plots.fillTable(details.querySelector("tbody"), every.map((i) => [
      plots.legible(ALPHAS[i]),
      ...["loss", "error"].flatMap((quantity) => curves.map((curve) => plots.legible(curve[quantity][i]))),
    ]));
  }

  let waiting = false;
  function soon() {  // many events of one slider, one drawing a frame
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      update();
    });
  }
  for (const control of document.querySelectorAll(".controls input, .controls select")) control.addEventListener("input", soon);
  input("explorer-numbers").addEventListener("toggle", soon);
  for (const button of document.querySelectorAll("[data-preset]")) {
    button.addEventListener("click", () => {
      for (const [id, value] of Object.entries(PRESETS[button.dataset.preset])) input(id).value = value;
      soon();
    });
  }
  update();
})();
