// A figure over the whole screen: larger by buttons, keys and the wheel, moved by scrolling.
"use strict";

(() => {
  const viewer = document.getElementById("viewer");
  const stage = viewer.querySelector(".stage");
  let image = null;
  let scale = 1;

  function resize(factor) {
    scale = factor === 0 ? 1 : Math.min(Math.max(scale * factor, 0.5), 12);
    if (image) image.style.width = `${100 * scale}%`;
  }

  for (const button of document.querySelectorAll(".enlarge")) {
    button.addEventListener("click", () => {
      image = button.querySelector("img").cloneNode();
      stage.replaceChildren(image);
      resize(0);
      viewer.showModal();
    });
  }
  viewer.addEventListener("click", ({ target }) => {
    if (target === viewer || target.id === "viewer-close") viewer.close();
    else if (target.dataset.zoom) resize(Number(target.dataset.zoom));
  });
  viewer.addEventListener("keydown", ({ key }) => {
    if (key === "+" || key === "-" || key === "0") resize({ "+": 1.25, "-": 0.8, 0: 0 }[key]);
  });
  stage.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;  // the wheel alone scrolls
    event.preventDefault();
    resize(event.deltaY < 0 ? 1.1 : 1 / 1.1);
  }, { passive: false });
})();
