// What all plots of the page share: colours of the theme, a quiet layout, numbers in words.
"use strict";

const plots = (() => {
  const builders = new Map();  // plot's id -> what gives its traces and layout, for the next change of theme
  const CONFIG = { displayModeBar: false, responsive: true, scrollZoom: false, doubleClick: false };

  // A colour of page.css as the browser resolves it now: plotly knows neither var() nor light-dark().
  function colour(name) {
    const probe = document.documentElement.appendChild(document.createElement("span"));
    probe.style.color = `var(--${name})`;
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  }

  function faded(name, opacity) {
    const [r, g, b] = colour(name).match(/[\d.]+/g);
    return `rgba(${r}, ${g}, ${b}, ${opacity})`;
  }

  function draw(id, build) {
    builders.set(id, build);
    const { traces, layout } = build();
    Plotly.react(id, traces, { ...quietLayout(), ...layout }, CONFIG);
  }

  function quietLayout() {
    return {
      margin: { l: 52, r: 14, t: 8, b: 44 },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: colour("text"), family: "system-ui, sans-serif", size: 13 },
      dragmode: false,  // a finger that scrolls the page must not zoom a plot
      hovermode: "x unified",
      hoverlabel: { bgcolor: colour("raised"), font: { color: colour("text") }, bordercolor: colour("line") },
      legend: { orientation: "h", traceorder: "normal", y: -0.25, x: 0, font: { size: 12 } },
      showlegend: true,
    };
  }

  function axis(title, more = {}) {
    return {
      ...(title ? { title: { text: title, standoff: 8 } } : {}),
      gridcolor: colour("grid"),
      linecolor: colour("line"),
      zerolinecolor: colour("line"),
      tickcolor: colour("line"),
      fixedrange: true,
      automargin: true,
      ...more,
    };
  }

  // A plot beside small ones: what its caption says is not said again.
  const SMALL = { margin: { l: 36, r: 10, t: 6, b: 26 }, showlegend: false };

  // Upright lines with a word on each: [{ at, text, name, left }], the word to the left or to the right.
  function marks(list) {
    const inside = list.filter(({ at }) => at > 0 && at <= 1);
    return {
      shapes: inside.map(({ at, name }) => ({
        type: "line", x0: at, x1: at, y0: 0, y1: 1, yref: "paper",
        line: { color: colour(name), width: 1.5, dash: "dot" },
      })),
      annotations: inside.map(({ at, text, name, left }) => ({
        x: at, y: 1, yref: "paper", text, showarrow: false, xshift: left ? -3 : 3,
        xanchor: left ? "right" : "left", yanchor: "top", font: { color: colour(name), size: 12 },
      })),
    };
  }

  // Three significant digits, a real minus, powers of ten: as the tables beside it.
  function legible(value) {
    if (value === null || value === undefined || Number.isNaN(value)) return "–";
    if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
    if (value === 0) return "0";
    const size = Math.abs(value);
    if (size >= 1e-4 && size < 1e5) return String(Number(value.toPrecision(3))).replace("-", "−");
    const [mantissa, exponent] = value.toExponential(2).split("e");
    const raised = [...String(Number(exponent))].map((c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c])).join("");
    return `${String(Number(mantissa)).replace("-", "−")} × 10${raised}`;
  }

  function fillTable(body, rows) {
    const heads = [...body.closest("table").tHead.rows[0].cells].map((head) => head.textContent);
    body.replaceChildren(...rows.map((cells) => {
      const row = document.createElement("tr");
      cells.forEach((text, i) => {
        const cell = document.createElement(i === 0 ? "th" : "td");
        if (i === 0) cell.scope = "row";
        else if (heads[i]) cell.dataset.label = heads[i];  // a phone shows a row as a card
        cell.textContent = text;
        row.append(cell);
      });
      return row;
    }));
  }

  function redraw() {
    for (const [id, build] of builders) draw(id, build);
  }

  const choice = document.getElementById("theme");
  choice.addEventListener("change", () => {
    document.documentElement.dataset.theme = choice.value;
    redraw();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);

  return { SMALL, axis, colour, draw, faded, fillTable, legible, marks };
})();
