// The plots of a diagnosis: the network's own line above what it would be otherwise, accounts and retentions.
"use strict";

(() => {
  const numbers = JSON.parse(document.getElementById("numbers").textContent);
  const boxes = [...document.querySelectorAll("[data-line]")];
  const COLOURS = ["blue", "vermilion", "green", "purple", "link", "quiet"];
  const DASHES = ["dash", "dashdot", "dot", "longdash"];

  function look(name, place) {
    if (name === "linear") return { color: plots.colour("text"), width: 4, dash: "solid" };
    if (name === "theory") return { color: plots.colour("text"), width: 1.5, dash: "dash" };
    return { color: plots.colour(COLOURS[place % COLOURS.length]), width: 2, dash: DASHES[place % DASHES.length] };
  }

  function at(line, quantity, alpha) {
    const right = line.alpha.findIndex((one) => one >= alpha);
    if (right <= 0) return line[quantity][Math.max(right, 0)];
    const [x0, x1] = [line.alpha[right - 1], line.alpha[right]];
    const [y0, y1] = [line[quantity][right - 1], line[quantity][right]];
    return y0 === null ? y1 : y0 + ((y1 - y0) * (alpha - x0)) / (x1 - x0);
  }

  function lines(quantity) {
    const shown = new Set(boxes.filter((box) => box.checked).map((box) => box.dataset.line));
    // The network's own is drawn last: it lies on top.
    const order = numbers.lines.map((line, place) => ({ line, place })).reverse();
    const traces = order.filter(({ line }) => shown.has(line.name)).flatMap(({ line, place }) => {
      const style = look(line.name, place);
      const name = line.name === "linear" ? "your line" : line.name;
      const end = line.ends[quantity];
      const curve = {
        x: line.alpha, y: line[quantity], mode: "lines", name, line: style, hovertemplate: "%{y:.3g}",
        connectgaps: false,
      };
      if (end === null) return [curve];
      return [curve, {
        x: [end], y: [at(line, quantity, end)], mode: "markers", name: `${name}: end`, showlegend: false,
        hovertemplate: `plateau ends at ${plots.legible(end)}<extra>${name}</extra>`,
        marker: { color: plots.colour("page"), size: 10, line: { color: style.color, width: 2.5 } },
      }];
    });
    return {
      traces,
      layout: {
        legend: { orientation: "h", traceorder: "reversed", y: -0.25, x: 0, font: { size: 12 } },
        xaxis: plots.axis("α", { range: [-0.01, 1.01], hoverformat: ".3f" }),
        yaxis: plots.axis("", { rangemode: "tozero" }),
      },
    };
  }

  function accounts() {
    const names = numbers.accounts.map(({ name }) => name);
    return {
      traces: [["error", "vermilion"], ["loss", "blue"]].map(([quantity, colour]) => ({
        type: "bar",
        orientation: "h",
        name: `the ${quantity}'s plateau`,
        y: names,
        x: numbers.accounts.map(({ value }) => value[quantity]),
        marker: { color: plots.colour(colour) },
        error_x: {
          type: "data", array: numbers.accounts.map(({ error }) => 2 * (error[quantity] ?? 0)),
          color: plots.colour("text"), thickness: 1.5,
        },
        hovertemplate: "%{x:.3g}",
      })),
      layout: {
        hovermode: "closest",
        xaxis: plots.axis("longer by (α)", { zeroline: true }),
        yaxis: plots.axis("", { autorange: "reversed" }),
        legend: { orientation: "h", y: -0.3, x: 0, font: { size: 12 } },
      },
    };
  }

  function retention() {
    const kept = Object.entries(numbers.retention).filter(([, value]) => value !== null);
    return {
      traces: [{
        type: "bar", orientation: "h", y: kept.map(([name]) => name), x: kept.map(([, value]) => value),
        marker: { color: plots.colour("blue") }, hovertemplate: "%{x:.3g}<extra></extra>",
      }],
      layout: {
        showlegend: false, hovermode: "closest",
        xaxis: plots.axis("retention"), yaxis: plots.axis("", { autorange: "reversed" }),
      },
    };
  }

  function draw() {
    for (const quantity of ["loss", "error"]) plots.draw(`line-${quantity}`, () => lines(quantity));
  }
  boxes.forEach((box) => box.addEventListener("change", draw));
  document.getElementById("all-lines").addEventListener("click", () => page.save("lines", [
    ["line", "alpha", "loss", "error"],
    ...numbers.lines.flatMap((line) => line.alpha.map((alpha, i) => [line.name, alpha, line.loss[i], line.error[i]])),
  ]));
  draw();
  plots.draw("account-bars", accounts);
  if (document.getElementById("retention-bars")) plots.draw("retention-bars", retention);
})();
