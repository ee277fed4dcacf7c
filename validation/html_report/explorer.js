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
  const LAWS = [
    { regime: "small_scale", label: "law (a): tiny start", name: "blue", dash: "solid" },
    { regime: "small_loss", label: "law (b): small loss", name: "vermilion", dash: "dash" },
  ];
  const COMMON = { degree: 6, classes: 4, signal: 16, "signal-spread": 0.4, scale: "sliders" };
  const PRESETS = {
    deep: { ...COMMON, "bias-gap": 3, "bias-spread": 2 },
    shallow: { ...COMMON, "bias-gap": 3, "bias-spread": 2, degree: 2 },
    equal: { ...COMMON, "bias-gap": 0, "bias-spread": 0 },
    bump: { ...COMMON, "bias-gap": 6, "bias-spread": 4, degree: 10, signal: 24 },
    law: { degree: 3, classes: 4, "bias-spread": 6, scale: "small_scale", "final-loss": -4 },
  };
  const NATS = ["signal", "bias-gap", "bias-spread", "final-loss"];

  const element = (id) => document.getElementById(id);
  const number = (id) => Number(element(id).value);

  // The trained network that the inputs describe; a RangeError where there is none.
  function network() {
    const state = {
      degree: number("degree"),
      nClasses: number("classes"),
      signal: number("signal"),
      signalSpread: number("signal-spread"),
      biasGap: number("bias-gap"),
      biasSpread: number("bias-spread"),
      finalLoss: 10 ** number("final-loss"),
    };
    const scale = element("scale").value;
    if (LAWS.some(({ regime }) => regime === scale)) {
      const law = formulas.plateauLaw(state.nClasses, state.degree, state.finalLoss, scale);
      Object.assign(state, { signal: law.signal, signalSpread: 0, biasGap: law.biasGap, heldByBias: true });
      if (scale === "small_loss") state.biasSpread = 0;  // law (b): all gaps are equal
    }
    const { signal, bias, labels } = formulas.exampleNetwork(state);
    if (scale !== "scaled") return { state, signal, bias, labels };
    const t = formulas.logitScale(signal, bias, labels, state.finalLoss);
    const scaled = (row) => row.map((value) => t * value);
    return { state: { ...state, factor: t }, signal: signal.map(scaled), bias: scaled(bias), labels };
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
    if (made.refused) return showRefusal(made.refused);
    const { state, signal, bias, labels } = made.value;
    const problem = [signal, bias, labels, state.degree];
    const facts = {
      state,
      alphas: ALPHAS,
      curves: PATHS.map(({ key }) => formulas.predictCurves(...problem, ALPHAS, key)),
      plateau: attempt(() => formulas.plateau(...problem)),
      bump: attempt(() => formulas.lossBump(...problem)),
      nextBump: attempt(() => formulas.lossBump(...problem, true)),
      laws: LAWS.map(({ regime }) =>
        attempt(() => formulas.plateauLaw(state.nClasses, state.degree, state.finalLoss, regime))),
    };
    showSolved(state);
    drawCurves(facts);
    drawLaws(state);
    plots.fillTable(element("explorer-results").tBodies[0], explorerResults.rows(facts));
    element("explorer-summary").textContent = explorerResults.summary(facts.plateau);
    showNumbers(facts.curves);
  }

  function showRefusal(why) {  // nothing stale stays beside the reason
    element("explorer-summary").textContent = `There is no such network: ${why}.`;
    const empty = { traces: [], layout: { xaxis: { visible: false }, yaxis: { visible: false } } };
    for (const id of ["explorer-loss", "explorer-error", "explorer-law"]) plots.draw(id, () => empty);
    for (const id of ["explorer-results", "explorer-numbers"]) {
      plots.fillTable(element(id).querySelector("tbody"), []);
    }
  }

  function showInputs() {
    const scale = element("scale").value;
    const law = LAWS.some(({ regime }) => regime === scale);
    for (const id of ["signal", "signal-spread", "bias-gap"]) element(id).disabled = law;
    element("bias-spread").disabled = scale === "small_loss";
    for (const { id } of document.querySelectorAll(".controls input")) {
      say(id, plots.legible(id === "final-loss" ? 10 ** number(id) : number(id)));
    }
  }

  // Where a law sets a number, the slider says the law's.
  function showSolved({ signal, signalSpread, biasGap, biasSpread }) {
    const solved = { signal, "signal-spread": signalSpread, "bias-gap": biasGap, "bias-spread": biasSpread };
    for (const [id, value] of Object.entries(solved)) {
      if (element(id).disabled) say(id, plots.legible(value), " (T11)");
    }
  }

  function say(id, value, source = "") {
    const text = `${value}${NATS.includes(id) ? " nats" : ""}${source}`;
    element(`${id}-shown`).textContent = text;
    element(id).setAttribute("aria-valuetext", text);
  }

  function drawCurves({ curves, plateau, bump }) {
    const at = plateau.value?.end;
    const end = plateau.value ? [{ at, text: "α₂", name: "text", left: at > 0.9 }] : [];
    const rises = bump.value && bump.value.height > 0;
    const top = rises ? [{ at: bump.value.alpha, text: "T4", name: "quiet", left: true }] : [];
    const highest = Math.max(...curves.flatMap(({ loss }) => loss));
    // At alpha = 0 every logit ties, an error by the rule: the error is drawn from its limit 0+.
    const sides = [
      { quantity: "loss", first: 0, marked: [...end, ...top], range: [0, 1.2 * highest] },
      { quantity: "error", first: 1, marked: end, range: [-0.03, 1.18] },
    ];
    for (const { quantity, first, marked, range } of sides) {
      plots.draw(`explorer-${quantity}`, () => ({
        traces: PATHS.map(({ label, name, dash, width }, i) => ({
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
          yaxis: plots.axis("", { range }),
          ...plots.marks(marked),
        },
      }));
    }
  }

  function drawLaws({ degree, nClasses, finalLoss }) {
    const losses = Array.from({ length: 117 }, (_, i) => 10 ** (-12 + i / 10));
    const end = (loss, regime) => attempt(() => formulas.plateauLaw(nClasses, degree, loss, regime)).value;
    const both = LAWS.map(({ regime }) => losses.map((loss) => end(loss, regime)?.plateauEnd ?? null));
    const limit = explorerResults.limit(degree);
    plots.draw("explorer-law", () => ({
      traces: degree < 3 ? [] : LAWS.map(({ label, name, dash }, i) => ({
        x: losses,
        y: both[i],
        mode: "lines",
        name: label,
        hovertemplate: "%{y:.3f}",
        line: { color: plots.colour(name), width: 2.5, dash },
      })),
      layout: {
        xaxis: plots.axis("final loss (nats), smaller to the right", {
          type: "log", range: [-0.5, -12], exponentformat: "power", hoverformat: ".1e", dtick: 2,
        }),
        yaxis: plots.axis("α₂", { range: [0, 1] }),
        shapes: [
          { type: "line", x0: finalLoss, x1: finalLoss, y0: 0, y1: 1, yref: "paper",
            line: { color: plots.colour("text"), width: 1.5, dash: "dot" } },
          { type: "line", x0: 0, x1: 1, xref: "paper", y0: limit, y1: limit,
            line: { color: plots.colour("quiet"), width: 1 } },
        ],
        annotations: [
          degree < 3
            ? { x: 0.5, y: 0.5, xref: "paper", yref: "paper", showarrow: false,
                text: "T11 needs a degree of 3 or more" }
            : { x: 1, y: limit, xref: "paper", xanchor: "right", yanchor: "bottom", showarrow: false,
                text: "limit of both laws", font: { size: 12, color: plots.colour("quiet") } },
        ],
      },
    }));
  }

  function showNumbers(curves) {
    const details = element("explorer-numbers");
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
  for (const control of document.querySelectorAll(".controls input, .controls select")) {
    control.addEventListener("input", soon);
  }
  element("explorer-numbers").addEventListener("toggle", soon);
  for (const button of document.querySelectorAll("[data-preset]")) {
    button.addEventListener("click", () => {
      for (const [id, value] of Object.entries(PRESETS[button.dataset.preset])) element(id).value = value;
      soon();
    });
  }
  update();
})();
