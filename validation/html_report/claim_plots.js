// The plots that show measured numbers: a strip of dots for every criterion, and two measured lines.
"use strict";

(() => {
  const numbers = JSON.parse(document.getElementById("numbers").textContent);

  // Of the laws, in their order: the signs that the text names them by.
  const SYMBOLS = ["diamond-open", "square-open", "triangle-up-open", "triangle-down-open"];

  // A strip is drawn when it comes near the screen, so that the page is there at once; on paper, all are.
  const watcher = new IntersectionObserver(
    (seen) => seen.filter((entry) => entry.isIntersecting).forEach(({ target }) => drawStrip(target)),
    { rootMargin: "50%" },
  );
  for (const element of document.querySelectorAll(".strip")) watcher.observe(element);
  addEventListener("beforeprint", () => document.querySelectorAll(".strip").forEach(drawStrip));

  function drawStrip(element) {
    watcher.unobserve(element);
    const claim = numbers.claims.find(({ id }) => id === element.dataset.claim);
    plots.draw(element.id, () => strip(claim.criteria[element.dataset.criterion]));
  }

  function strip(criterion) {
    const { by_seed: bySeed, threshold, side, effect_size: effect, unit, mean } = criterion;
    const interval = criterion.interval_95_percent;
    const laws = Object.entries(criterion.predicted ?? {});
    const seeds = Object.keys(bySeed).filter((seed) => bySeed[seed] !== null);
    const values = seeds.map((seed) => bySeed[seed]);
    const ends = [...values, threshold, mean, ...(interval ?? []), ...laws.map(([, law]) => law.mean).filter(Number.isFinite)];
    // The planned effect is shown where it is near; a measured one far away must not be squeezed by it.
    const [least, most] = [Math.min(...ends), Math.max(...ends)];
    const room = 0.08 * (most - least) || 0.1 * Math.abs(threshold) || 0.1;
    const range = [least - room, most + room];
    const claimed = side === "above" ? [threshold, range[1]] : [range[0], threshold];
    return {
      traces: [
        {
          x: values,
          // Any spread upright tells dots of one value apart; the golden ratio's never lines them up.
          y: seeds.map((_, i) => 0.45 + 0.4 * ((0.618034 * (i + 1)) % 1)),
          text: seeds.map((seed) => `seed ${seed}: ${plots.legible(bySeed[seed])}`),
          mode: "markers",
          name: "a seed",
          hovertemplate: "%{text}<extra></extra>",
          marker: {
            color: plots.faded("blue", 0.75), size: 9, line: { color: plots.colour("page"), width: 1 },
          },
        },
        {
          x: [mean],
          y: [0.2],
          mode: "markers",
          name: "mean",
          hovertemplate: `mean ${plots.legible(mean)}<extra></extra>`,
          marker: { color: plots.colour("text"), size: 12, symbol: "diamond" },
          error_x: interval
            ? { type: "data", symmetric: false, array: [interval[1] - mean], arrayminus: [mean - interval[0]],
                color: plots.colour("text"), thickness: 2, width: 5 }
            : undefined,
        },
        {
          x: laws.map(([, law]) => law.mean),
          y: laws.map(() => 0.2),
          text: laws.map(([name, law]) => `${name} says ${plots.legible(law.mean)}`),
          mode: "markers",
          hovertemplate: "%{text}<extra></extra>",
          marker: {
            color: plots.colour("vermilion"), size: 11, line: { width: 2 },
            symbol: laws.map((_, i) => SYMBOLS[i % SYMBOLS.length]),
          },
        },
      ],
      layout: {
        margin: { l: 10, r: 10, t: 18, b: 40 },
        showlegend: false,
        hovermode: "closest",
        xaxis: plots.axis(unit, { range, zeroline: false }),
        yaxis: { visible: false, range: [0, 1], fixedrange: true },
        shapes: [
          { type: "rect", x0: claimed[0], x1: claimed[1], y0: 0, y1: 1, yref: "paper", line: { width: 0 },
            fillcolor: plots.faded("green", 0.13), layer: "below" },
          { type: "line", x0: threshold, x1: threshold, y0: 0, y1: 1, yref: "paper",
            line: { color: plots.colour("text"), width: 1.5, dash: "dash" } },
          ...(effect > range[0] && effect < range[1]
            ? [{ type: "line", x0: effect, x1: effect, y0: 0, y1: 1, yref: "paper",
                 line: { color: plots.colour("quiet"), width: 1, dash: "dot" } }]
            : []),
        ],
        annotations: [
          { x: threshold, y: 1, yref: "paper", yanchor: "bottom", showarrow: false, font: { size: 11 },
            xanchor: threshold > (range[0] + range[1]) / 2 ? "right" : "left",
            text: side === "above"
              ? `claimed: above ${plots.legible(threshold)} →`
              : `← claimed: below ${plots.legible(threshold)}` },
        ],
      },
    };
  }

  if (!document.getElementById("lines")) return;
  const selects = ["line-first", "line-second"].map((id) => document.getElementById(id));
  const looks = [{ name: "blue", dash: "solid" }, { name: "vermilion", dash: "dash" }];
  const chosen = () => selects.map((select) => numbers.lines[select.value]);

  function measured(quantity, title) {
    const traces = chosen().flatMap(({ arm, path, alpha, [quantity]: curve }, i) => {
      const { name, dash } = looks[i];
      const band = { x: alpha, mode: "lines", line: { width: 0 }, hoverinfo: "skip", showlegend: false };
      return [
        { ...band, y: curve.low },
        { ...band, y: curve.high, fill: "tonexty", fillcolor: plots.faded(name, 0.16) },
        { x: alpha, y: curve.mean, mode: "lines", name: `${arm}, ${path}`, hovertemplate: "%{y:.3g}",
          line: { color: plots.colour(name), width: 2.5, dash } },
      ];
    });
    return {
      traces,
      layout: {
        xaxis: plots.axis("α", {
          range: [0, 1], hoverformat: ".2f", unifiedhovertitle: { text: "α = %{x}" },
        }),
        yaxis: plots.axis(title, { rangemode: "tozero" }),
      },
    };
  }

  function drawLines() {
    plots.draw("line-loss", () => measured("loss", "loss (nats)"));
    plots.draw("line-error", () => measured("error", "error"));
    const [first, second] = chosen();
    const at = (line, quantity, alpha) => line[quantity].mean[line.alpha.indexOf(alpha)];
    const alphas = first.alpha.filter((_, i) => i % Math.ceil(first.alpha.length / 21) === 0);
    plots.fillTable(document.querySelector("#line-numbers tbody"), alphas.map((alpha) => [
      plots.legible(alpha),
      ...["loss", "error"].flatMap((q) => [first, second].map((line) => plots.legible(at(line, q, alpha)))),
    ]));
  }
  document.getElementById("all-lines").addEventListener("click", () => page.save("lines", [
    ["arm", "path", "seeds", "alpha", ...["loss", "error"].flatMap((q) => ["mean", "low", "high"].map((k) => `${q}_${k}`))],
    ...numbers.lines.flatMap((line) => line.alpha.map((alpha, i) => [
      line.arm, line.path, line.seeds, alpha,
      ...["loss", "error"].flatMap((q) => ["mean", "low", "high"].map((k) => line[q][k][i])),
    ])),
  ]));
  selects.forEach((select) => select.addEventListener("change", drawLines));
  drawLines();
})();
