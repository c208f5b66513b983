// Makes the pages quicker. Without it every page works: filters are a form, calls are links, actions are forms.
"use strict";
(() => {
  const FRAGMENT = { "X-Ringtrace-Fragment": "1" };
  const POLL = 2000;
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const log = $("[data-log]");
  const panel = $("[data-panel]");
  const body = $("[data-rows]");
  const help = $("dialog.help");
  const listUrl = location.href;
  let opened = null; // the id of the call beside the log
  let waiting = []; // rows that came while the reader had scrolled
  let cursor = log && log.dataset.cursor;
  let timer = 0;

  // Filters answer as soon as they are changed; empty ones stay out of the address.
  for (const form of $$("form.filters")) {
    form.addEventListener("change", (event) => event.target.matches("select, [type=date]") && form.requestSubmit());
    form.addEventListener("submit", () => {
      for (const field of form.elements) if (field.name && !field.value) field.disabled = true;
    });
  }
  addEventListener("pageshow", () => {
    for (const field of $$("form.filters :disabled")) field.disabled = false;
  });

  // One call beside the log
  async function ask(url, options = {}) {
    const answer = await fetch(url, { ...options, headers: { ...FRAGMENT, ...options.headers } });
    if (answer.status === 401) {
      location.reload();
      throw new Error("signed out");
    }
    return answer;
  }
  function put(html) {
    panel.innerHTML = html;
    panel.hidden = false;
    if (log) log.classList.add("open");
    const article = $("[data-call]", panel);
    opened = article && article.dataset.call;
    markChosen();
  }
  function markChosen() {
    for (const row of $$("tr.call")) row.classList.toggle("chosen", row.dataset.id === opened);
  }
  async function open(url, { push = true, focus = true } = {}) {
    const answer = await ask(url);
    if (!answer.ok) return void (location.href = url);
    put(await answer.text());
    if (push) history.pushState({ call: url }, "", url);
    if (focus) ($("#call-title", panel) || panel).focus({ preventScroll: innerWidth >= 1100 });
  }
  function close({ push = true } = {}) {
    if (!log || panel.hidden) return;
    const row = opened && $(`tr.call[data-id="${opened}"] .open-call`);
    panel.hidden = true;
    panel.replaceChildren();
    log.classList.remove("open");
    opened = null;
    markChosen();
    if (push) history.pushState({}, "", listUrl);
    if (row) row.focus();
  }
  addEventListener("popstate", (event) => {
    if (!log) return location.reload();
    if (event.state && event.state.call) open(event.state.call, { push: false });
    else close({ push: false });
  });

  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target.closest("a");
    if (!link) return;
    if (log && link.matches(".open-call")) {
      event.preventDefault();
      open(link.href);
    } else if (log && link.matches("[data-close]")) {
      event.preventDefault();
      close();
    } else if (panel && link.matches("[data-swap]")) {
      event.preventDefault();
      open(link.href, { push: false, focus: false }).then(() => $("#visit", panel)?.scrollIntoView({ block: "nearest" }));
    }
  });

  // Actions answer in place
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!panel || form.method !== "post" || !panel.contains(form)) return;
    event.preventDefault();
    if (form.dataset.busy) return;
    form.dataset.busy = "1";
    try {
      const answer = await ask(form.action, { method: "POST", body: new FormData(form, event.submitter) });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      put(await answer.text());
      const said = $(".said", panel);
      if (said) {
        said.focus({ preventScroll: true });
        said.scrollIntoView({ block: "nearest" });
      }
      poll();
    } catch (error) {
      delete form.dataset.busy;
      complain("That was not done: the server did not take it. Try again, or reload the page.");
    }
  });
  function complain(text) {
    const line = document.createElement("div");
    line.className = "said alarm";
    line.setAttribute("role", "alert");
    line.textContent = text;
    for (const old of $$(".said.alarm", panel)) old.remove();
    ($(".says", panel) || panel).prepend(line);
  }

  // Live: what came and what changed
  function rowOf(item) {
    const holder = document.createElement("template");
    holder.innerHTML = item.html.trim();
    return holder.content.firstElementChild;
  }
  function place(row) {
    const after = $$("tr.call", body).find((other) => other.dataset.at < row.dataset.at);
    if (after) after.before(row);
    else body.append(row);
  }
  function insert(rows) {
    for (const row of rows) {
      row.classList.add("new");
      place(row);
    }
    const empty = $("[data-empty]");
    if (rows.length && empty) {
      empty.remove();
      $("table.log").hidden = false;
    }
    markChosen();
  }
  function tell() {
    const box = $(".fresh");
    box.hidden = waiting.length === 0;
    $("span", box).textContent = `${waiting.length} new ${waiting.length === 1 ? "call" : "calls"}`;
  }
  function take(answer) {
    cursor = answer.cursor;
    if (answer.sentence) $("[data-sentence]").innerHTML = answer.sentence;
    const added = [];
    const last = $$("tr.call", body).at(-1);
    for (const item of answer.rows) {
      const there = $(`tr.call[data-id="${item.id}"]`, body);
      const held = waiting.findIndex((row) => row.dataset.id === item.id);
      if (there) {
        if (there.dataset.version === item.version) continue;
        const focused = there.contains(document.activeElement);
        const row = rowOf(item);
        there.replaceWith(row);
        if (focused) $(".open-call", row).focus();
        if (item.id === opened) refreshPanel();
      } else if (held >= 0) waiting[held] = rowOf(item);
      // Older than all that is shown while there are older pages: it belongs to one of those.
      else if (!(last && item.at < last.dataset.at && $(".paging"))) added.push(rowOf(item));
    }
    for (const id of answer.gone) {
      const there = $(`tr.call[data-id="${id}"]`, body);
      if (there && id !== opened) there.remove();
    }
    markChosen();
    if (added.length) {
      $("[data-announce]").textContent = `${added.length} new ${added.length === 1 ? "call" : "calls"}`;
      if (scrollY > 80 || "past" in log.dataset) waiting.push(...added);
      else insert(added);
      tell();
    }
  }
  // The panel follows its call, unless the reader is writing in it.
  async function refreshPanel() {
    const writing = $$("input:not([type=hidden]), textarea", panel).some((f) => f.value !== f.defaultValue);
    if (writing || panel.contains(document.activeElement) && document.activeElement.matches("input, textarea")) return;
    if ($(".said", panel)) return;
    const answer = await ask(location.href);
    if (answer.ok && opened) put(await answer.text());
  }
  async function poll() {
    if (!log) return;
    clearTimeout(timer);
    try {
      if (!document.hidden) {
        const url = new URL(log.dataset.live, location.origin);
        url.searchParams.set("cursor", cursor);
        const answer = await ask(url);
        if (answer.ok) {
          const found = await answer.json();
          if (found.reload) {
            cursor = found.cursor;
            $("[data-announce]").textContent = "Many calls changed. Reload the page to see them.";
          } else take(found);
        }
      }
    } catch {
      // The network is away for a moment; the next look tells.
    } finally {
      clearTimeout(timer);
      timer = setTimeout(poll, POLL);
    }
  }
  if (log) {
    timer = setTimeout(poll, POLL);
    document.addEventListener("visibilitychange", () => document.hidden || poll());
    $(".fresh button").addEventListener("click", () => {
      if ("past" in log.dataset) return void (location.href = log.dataset.live.replace("/calls/live", "/calls"));
      insert(waiting.splice(0));
      tell();
      scrollTo({ top: 0 });
    });
  }

  // Keyboard
  function step(by) {
    const links = $$("tr.call .open-call").filter((link) => link.offsetParent);
    if (!links.length) return;
    const at = links.indexOf(document.activeElement);
    const chosen = links.findIndex((link) => link.closest("tr").dataset.id === opened);
    const from = at >= 0 ? at : chosen >= 0 ? chosen : by > 0 ? -1 : links.length;
    const link = links[Math.min(Math.max(from + by, 0), links.length - 1)];
    link.focus();
    link.closest("tr").scrollIntoView({ block: "nearest" });
  }
  async function decide() {
    const link = document.activeElement.closest?.("tr.call")?.querySelector(".open-call");
    if (link && link.closest("tr").dataset.id !== opened) await open(link.href);
    $("[data-decide]", panel || document)?.focus();
  }
  const keys = {
    "/": () => $("#q")?.focus(),
    j: () => step(1),
    k: () => step(-1),
    o: decide,
    u: () => ($("[data-undo]") || $("[data-undo-last]"))?.click(),
    "?": () => help?.showModal(),
    Escape: () => close(),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || help?.open) return;
    const writing = event.target.matches?.("input, textarea, select");
    if (writing) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
})();
