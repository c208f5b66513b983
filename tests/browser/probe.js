// Runs in every page and frame before anything else: sees what is changed in it, by whom, and what was on the screen.
(() => {
const seen = [];
const watchers = [];
const watched = new Set();
const options = {
  childList: true, subtree: true, characterData: true, attributes: true,
  characterDataOldValue: true, attributeOldValue: true,
};
// What the parser adds is no edit: nodes, and white space to the last text.
let parsing = true;
const keep = records => records.forEach(record => {
  const { type, target } = record;
  if (type === "childList" ? !parsing : type !== "characterData" || target.data.trim()) seen.push(record);
});
const watch = root => {
  if (watched.has(root)) return;
  watched.add(root);
  const watcher = new MutationObserver(keep);
  watcher.observe(root, options);
  watchers.push(watcher);
};
const drain = () => watchers.forEach(watcher => keep(watcher.takeRecords()));
const attach = Element.prototype.attachShadow;
Element.prototype.attachShadow = function (init) {
  const root = attach.call(this, init);
  watch(root);
  return root;
};
watch(document);
document.addEventListener("DOMContentLoaded", () => {
  drain();
  parsing = false;
  // Frames have a probe of their own.
  parts(document).filter(part => (part.ownerDocument || part) === document).forEach(watch);
});

// A document with its open shadow trees and the documents of its frames, as far as they may be read.
const parts = root => {
  const found = [root];
  root.querySelectorAll("*").forEach(element => {
    if (element.shadowRoot) found.push(...parts(element.shadowRoot));
    let inner = null;
    try { inner = element.contentDocument; } catch (e) { /* another site's */ }
    if (inner) found.push(...parts(inner));
  });
  return found;
};
const all = selector => parts(document).flatMap(part => [...part.querySelectorAll(selector)]);
const inside = node => (node.nodeType === 1 ? node : node.parentElement || (node.getRootNode() || {}).host);

const probe = {
  heard: [],
  frames: [],
  shift: 0,
  all,
  // What was changed since the beginning or the last `after`, by kind.
  edits() {
    drain();
    const count = type => seen.filter(record => record.type === type).length;
    return { text: count("characterData"), attributes: count("attributes"), nodes: count("childList") };
  },
  // Lets the page do something; what is seen from then on was done by somebody else.
  after(action) {
    const result = action();
    watchers.forEach(watcher => watcher.takeRecords());
    seen.length = 0;
    return result;
  },
  // Places that do not show what their data-want says: [wanted, found].
  wrong() {
    const found = all("[data-want]").map(e => [e.dataset.want, e.textContent]);
    ["href", "title", "aria-label", "alt"].forEach(name => {
      all(`[data-want-${name}]`).forEach(e => found.push([e.getAttribute(`data-want-${name}`), e.getAttribute(name)]));
    });
    return found.filter(([want, got]) => want !== got);
  },
  // What is still wrong after a second, at once if nothing is. Frames under way are waited for.
  async settled() {
    const end = performance.now() + 1000;
    const loading = () => parts(document).some(part => part.readyState && part.readyState !== "complete");
    do {
      await new Promise(done => {
        const channel = new MessageChannel();
        channel.port1.onmessage = done;
        channel.port2.postMessage(0);
      });
    } while ((loading() || probe.wrong().length) && performance.now() < end);
    return probe.wrong();
  },
  // Places that had to stay and were written to.
  touched() {
    drain();
    const places = new Set(seen.map(record => inside(record.target)).map(e => e && e.closest("[data-stays]")));
    places.delete(null);
    places.delete(undefined);
    const frames = parts(document).map(part => part.defaultView).filter(view => view && view !== window && view.probe);
    return [...places].map(e => e.outerHTML).concat(...frames.map(view => view.probe.touched()));
  },
  // The document as it was delivered, and as it is.
  async served() {
    const text = await (await fetch(location.href)).text();
    return new DOMParser().parseFromString(text, "text/html").documentElement.outerHTML;
  },
};
document.addEventListener("ringtrace:swapped", event => probe.heard.push(event.detail));
new PerformanceObserver(list => list.getEntries().forEach(entry => { probe.shift += entry.value; }))
  .observe({ type: "layout-shift", buffered: true });
const look = () => {
  const text = document.getElementById("text");
  if (text && probe.frames[probe.frames.length - 1] !== text.textContent) probe.frames.push(text.textContent);
  if (probe.frames.length < 9) requestAnimationFrame(look);
};
if (window.top === window) requestAnimationFrame(look);
window.probe = probe;
})();
