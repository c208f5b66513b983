// The what-if slider: says at once what the server would say, and keeps the address in step, so that it can be shared.
"use strict";
(() => {
  const form = document.querySelector("[data-whatif]");
  if (!form) return;
  const range = form.querySelector("[data-range]");
  const said = form.querySelector("output");
  const places = JSON.parse(form.dataset.whatif);
  const nearest = (numbers) => places.reduce((best, place) => (Math.abs(place[0] - numbers) < Math.abs(best[0] - numbers) ? place : best));
  function show() {
    const [numbers, text] = nearest(range.valueAsNumber);
    said.textContent = text;
    range.setAttribute("aria-valuetext", text);
  }
  range.setAttribute("aria-valuetext", said.textContent);
  range.addEventListener("input", show);
  range.addEventListener("change", () => {
    const url = new URL(location.href);
    url.searchParams.delete("source");
    url.searchParams.set("whatif", `${form.dataset.slug}:${nearest(range.valueAsNumber)[0]}`);
    history.replaceState(history.state, "", url);
  });
})();
