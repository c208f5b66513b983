// Plays one made-up page twice, in two frames: in the first with the script, in the second without it. Both do the same;
// what may differ between them is judged outside. Whatever changes after a step of the page was done by the script.
(() => {
const later = () => new Promise(done => {
  const channel = new MessageChannel();
  channel.port1.onmessage = done;
  channel.port2.postMessage(0);
});
const OFF = ["HEAD", "SCRIPT", "STYLE", "NOSCRIPT", "TEXTAREA", "INPUT", "OPTION"];

// The trees inside a tree: shadow trees and the documents of frames.
const inner = element => element.shadowRoot || element.contentDocument || null;
const trees = root => [root, ...[...root.querySelectorAll("*")].map(inner).filter(Boolean).flatMap(trees)];
const all = (doc, selector) => trees(doc).flatMap(tree => [...tree.querySelectorAll(selector)]);

const off = node => {
  for (let at = node; at; at = at.parentNode || at.host) {
    if (OFF.includes(at.nodeName?.toUpperCase()) || at.getAttribute?.("data-ringtrace") === "off") return true;
    const edit = at.getAttribute?.("contenteditable");
    if (typeof edit === "string" && edit !== "false") return true;
  }
  return false;
};

// A tree as plain values: a text is a string, a comment has one entry, an element has name, attributes, off, children,
// and what is inside it.
const dump = node => {
  if (node.nodeType === 3) return node.data;
  if (node.nodeType !== 1 && !node.childNodes.length) return [node.data || ""];
  const children = [...node.childNodes].map(dump);
  if (node.nodeType !== 1) return ["#tree", {}, false, children, null];
  const attributes = Object.fromEntries([...node.attributes].map(each => [each.name, each.value]));
  const tree = inner(node);
  return [node.localName, attributes, off(node), children, tree && dump(tree)];
};

// What a page may do. `pick` finds the same place in both frames.
const steps = {
  text: ({ line }, text) => { line.textContent = text; },
  data({ line }, text) {
    if (line.childNodes.length === 1 && line.firstChild.data) line.firstChild.data = text;
    else line.textContent = text;
  },
  replace({ line }, text) {
    line.normalize();
    const only = line.childNodes.length === 1 && line.firstChild.nodeType === 3;
    if (only) line.firstChild.replaceData(0, line.firstChild.length, text);
    else line.replaceChildren(text);
  },
  grow({ line }, text, rest) {
    line.textContent = text;
    return () => line.append(rest);
  },
  word({ line }) {
    if (line.firstChild?.nodeType === 3) line.firstChild.insertData(0, "Word ");
    if (line.lastChild?.nodeType === 3) line.lastChild.appendData(" word");
  },
  split({ line, doc }, at) {
    const walker = doc.createTreeWalker(line, 4);
    const texts = [];
    while (walker.nextNode()) texts.push(walker.currentNode);
    texts.forEach(text => text.length && text.splitText(at % text.length));
  },
  normalize: ({ line }) => line.normalize(),
  html: ({ line }, html) => { line.innerHTML = html; },
  fill: ({ box }, html) => { box.innerHTML = html; },
  append: ({ box }, html) => box.insertAdjacentHTML("beforeend", html),
  prepend: ({ box }, html) => box.insertAdjacentHTML("afterbegin", html),
  remove: ({ line }) => line.remove(),
  move: ({ line, box }) => line.contains(box) || box.append(line),
  copy: ({ line, box }) => box.prepend(line.cloneNode(true)),
  copybox: ({ box, box2 }) => box.innerHTML.length < 5000 && box2.append(box.cloneNode(true)),
  detach({ line, doc }) {
    line.remove();
    doc.stash = line;
  },
  attach: ({ box, doc }) => doc.stash && box.append(doc.stash),
  detached({ line }, text) {
    const mark = line.ownerDocument.createComment("");
    line.replaceWith(mark);
    line.textContent = text;
    mark.replaceWith(line);
  },
  attribute: ({ link }, name, value) => link.setAttribute(name, value),
  dropped: ({ link }, name) => link.removeAttribute(name),
  shadow({ line, doc }, html) {
    const host = doc.createElement("div");
    line.after(host);
    host.attachShadow({ mode: "open" }).innerHTML = html;
  },
  many({ box, doc }, text) {
    for (let i = 0; i < 130; i++) box.append(Object.assign(doc.createElement("p"), { textContent: i % 3 ? "row" : text }));
    return () => [...box.children].slice(-130).forEach((each, i) => i % 5 && each.remove());
  },
  hide: ({ line }) => { line.hidden = !line.hidden; },
  swap: ({ win }) => { win.ringtrace?.swap(); },
  push: ({ win }, url) => win.history.pushState({}, "", url),
  consent: ({ win }, level) => { win.ringtrace?.consent(level); },
  // Any text, however it stands: this may break a number that was swapped.
  wildText: ({ node }, text) => { if (node) node.data = text; },
  wildInsert: ({ node }, text, at) => { if (node) node.insertData(at % (node.length + 1), text); },
  wildDelete: ({ node }, at, count) => { if (node) node.deleteData(at % (node.length + 1), count); },
  wildRemove: ({ node }) => node?.remove(),
  wildMove: ({ node, node2 }) => { if (node && node2) node2.before(node); },
  wildWrap({ node }, name) {
    if (!node) return;
    const around = node.ownerDocument.createElement(name);
    node.replaceWith(around);
    around.append(node);
  },
  wildOff: ({ box }) => { box.dataset.ringtrace = box.dataset.ringtrace ? "" : "off"; },
};

const places = (win, at) => {
  const doc = win.document;
  const pick = (list, which) => list[which % list.length];
  const lines = all(doc, "[data-l]");
  const boxes = all(doc, "[data-c]");
  const nodes = [];
  for (const tree of trees(doc)) {
    const walker = doc.createTreeWalker(tree.body || tree, 4);
    while (walker.nextNode()) if (!/^(SCRIPT|STYLE)$/i.test(walker.currentNode.parentNode.nodeName)) nodes.push(walker.currentNode);
  }
  return {
    win, doc, line: pick(lines, at[0]), box: pick(boxes, at[1]), box2: pick(boxes, at[0]), link: pick(all(doc, "[data-a]"), at[0]),
    node: pick(nodes, at[0]), node2: pick(nodes, at[1]),
  };
};

const settled = async frames => {
  const loading = () => frames.some(frame => all(frame.contentDocument, "iframe").some(each => {
    const body = each.contentDocument;
    return body && (body.readyState !== "complete" || (each.srcdoc && body.URL === "about:blank"));
  }));
  const end = performance.now() + 2000;
  for (let i = 0; i < 6 || (loading() && performance.now() < end); i++) {
    await later();
    if (i % 3 === 2) await new Promise(done => setTimeout(done));
  }
};

const run = async (made, script) => {
  localStorage.clear();
  document.cookie = "ringtrace=; Path=/; Max-Age=0";
  localStorage.ringtrace = JSON.stringify(made.remembered);
  const frames = [0, 1].map(() => document.body.appendChild(document.createElement("iframe")));
  const [scripted, plain] = frames.map(frame => frame.contentWindow);
  const result = { states: [], errors: [], loud: [], asked: 0, slow: 0 };
  frames.forEach(frame => frame.contentDocument.open());
  scripted.swallowed = result.errors;
  scripted.addEventListener("error", event => result.errors.push(event.message));
  scripted.addEventListener("unhandledrejection", event => result.errors.push("" + event.reason?.stack));
  scripted.console.error = (...words) => result.errors.push(words.join(" "));
  scripted.fetch = (url, { body }) => {
    if (!url.endsWith("/v1/swap")) return Promise.resolve({ ok: true, status: 202 });
    const { consent } = JSON.parse(body);
    const answer = made.answers[result.asked++ % made.answers.length];
    return later().then(() => ({ ok: true, status: 200, json: async () => ({ ...answer, visitor: consent === "full" ? "v" : null }) }));
  };
  plain.begin = () => {};
  let begun = false;
  scripted.begin = () => {
    if (!begun) scripted.eval(script);
    begun = true;
  };

  // What the script does is seen here.
  let seen = [];
  let page = true;
  const keep = records => page || seen.push(...records);
  const observer = new MutationObserver(keep);
  const watch = () => trees(scripted.document).forEach(tree => observer.observe(tree, {
    childList: true, subtree: true, characterData: true, attributes: true, characterDataOldValue: true, attributeOldValue: true,
  }));
  const judge = name => {
    keep(observer.takeRecords());
    seen.forEach(({ type, target, attributeName, oldValue }) => {
      const had = oldValue ?? "";
      const fine = type === "characterData" ? /\d/.test(had + target.data)
        : type === "attributes" && ["title", "aria-label", "alt", "href"].includes(attributeName) && /\d/.test(had);
      const where = target.outerHTML?.slice(0, 200) ?? target.data;
      if (!fine) result.loud.push([name, type, attributeName, had, where]);
      else if (off(target)) result.loud.push([name, "off", attributeName, had, where]);
    });
    if (seen.length > 1500) result.loud.push([name, "loop", seen.length]);
    seen = [];
  };
  const state = name => {
    const numbers = Object.entries(scripted.ringtrace?.numbers() || {}).map(([own, { e164 }]) => [own, e164]);
    result.states.push([name, ...frames.map(frame => dump(frame.contentDocument)), Object.fromEntries(numbers)]);
  };

  for (const chunk of made.chunks) {
    frames.forEach(frame => frame.contentDocument.write(chunk));
    await later();
  }
  frames.forEach(frame => frame.contentDocument.close());
  await settled(frames);
  scripted.begin();
  await settled(frames);
  state("start");
  for (const [name, at, ...given] of made.steps) {
    watch();
    observer.takeRecords();
    page = true;
    const rest = [scripted, plain].map(win => {
      const found = places(win, at);
      if (!found.line || !found.box || !found.link) return null;
      return steps[name](found, ...given);
    });
    // These are the script's own doing.
    if (!["consent", "swap"].includes(name)) observer.takeRecords();
    page = false;
    await settled(frames);
    judge(name);
    if (typeof rest[0] === "function") {
      page = true;
      rest.forEach(go => go());
      observer.takeRecords();
      page = false;
      await settled(frames);
      judge(name);
    }
    // Then it is quiet.
    await later();
    keep(observer.takeRecords());
    if (seen.length) result.loud.push([name, "not quiet", seen.length]);
    seen = [];
    state(name);
  }
  observer.disconnect();
  frames.forEach(frame => frame.remove());
  return result;
};
window.fuzz = { run };
})();
