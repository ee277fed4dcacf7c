// What every page does: tells which section is in view, saves tables as CSV, names the cells of a phone's cards.
"use strict";

const page = (() => {
  // Contents: the section that crosses the upper third of the screen.
  const links = new Map(
    [...document.querySelectorAll("#contents a")].map((link) => [link.hash.slice(1), link]),
  );
  const watcher = new IntersectionObserver(
    (seen) => {
      for (const { isIntersecting, target } of seen) {
        const link = links.get(target.id);
        if (isIntersecting) {
          link.setAttribute("aria-current", "true");
          const list = link.closest("ul");
          if (list.scrollWidth > list.clientWidth) list.scrollLeft = link.offsetLeft - list.clientWidth / 3;
        } else link.removeAttribute("aria-current");
      }
    },
    { rootMargin: "-30% 0px -69% 0px" },
  );
  for (const id of links.keys()) {
    const section = document.getElementById(id);
    if (section) watcher.observe(section);
  }

  // A number as it is shown, as a program reads it: a real minus, a power of ten, a narrow space.
  function plain(text) {
    const digits = "⁰¹²³⁴⁵⁶⁷⁸⁹";
    return text
      .trim()
      .replace(/ × 10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)/g, (_, power) =>
        `e${[...power].map((c) => (c === "⁻" ? "-" : digits.indexOf(c))).join("")}`)
      .replace(/\u202f/g, "")
      .replace(/−(?=[\d∞])/g, "-");
  }

  // What a spreadsheet would take for a formula is marked as words; a number is none.
  function cell(text) {
    const safe = /^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
    return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  }

  function csv(rows) {
    return rows.map((row) => row.map((text) => cell(String(text ?? ""))).join(",")).join("\n") + "\n";
  }

  function save(name, rows) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([csv(rows)], { type: "text/csv" }));
    link.download = `${name.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "").slice(0, 60)}.csv`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  function rowsOf(table) {
    return [...table.rows].map((row) => [...row.cells].map((one) => plain(one.innerText)));
  }

  for (const table of document.querySelectorAll("table")) {
    const name = table.caption.textContent.trim();
    const button = document.createElement("button");
    button.type = "button";
    button.className = "download";
    button.textContent = "CSV";
    button.setAttribute("aria-label", `Save as CSV: ${name}`);
    button.addEventListener("click", () => save(name, rowsOf(table)));
    table.caption.append(" ", button);
    if (!table.matches(".verdicts, .cards")) continue;
    const heads = [...table.tHead.rows[0].cells].map((head) => head.textContent);
    for (const row of table.tBodies[0].rows) {
      [...row.cells].forEach((one, i) => { if (heads[i]) one.dataset.label = heads[i]; });
    }
  }

  return { csv, plain, save };
})();
