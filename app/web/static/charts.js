// Draws the charts of a page, once the tables are there. Without it the tables say the same.
"use strict";
(() => {
  const place = document.querySelector("[data-charts]");
  if (!place) return;
  // The page's policy takes style elements with its nonce only, and BokehJS makes its own without one, the first while
  // it loads: so this stands before it.
  const make = document.createElement.bind(document);
  document.createElement = (name, options) => {
    const made = make(name, options);
    if (String(name).toLowerCase() === "style") made.nonce = place.dataset.nonce;
    return made;
  };
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let views = [];
  let turn = 0;
  async function draw() {
    const mine = ++turn;
    const url = new URL(place.dataset.charts, location.href);
    url.searchParams.set("scheme", dark.matches ? "dark" : "light");
    const answer = await fetch(url, { headers: { "X-Ringtrace-Fragment": "1" } });
    if (!answer.ok) throw new Error(String(answer.status));
    const figures = await answer.json();
    if (mine !== turn) return;
    for (const manager of views) manager.clear();
    views = [];
    for (const item of Object.values(figures)) {
      const target = document.getElementById(item.target_id);
      if (!target) continue;
      target.replaceChildren();
      views.push(await Bokeh.embed.embed_item(item));
      target.dataset.drawn = dark.matches ? "dark" : "light";
    }
  }
  const failed = () => {
    for (const target of document.querySelectorAll(".chart:not([data-drawn])")) target.textContent = "The chart could not be loaded; the table above holds its numbers.";
  };
  addEventListener("DOMContentLoaded", () => draw().catch(failed)); // scripts that are deferred have run by then
  dark.addEventListener("change", () => draw().catch(failed));
})();
