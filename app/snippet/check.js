// Looks at one page for its owner and reports what it found: where the site's numbers stand, whether they were swapped,
// and what keeps them from it. Loaded by the script where a swap's answer asks for it; the same for all sites.
// It judges by itself, not by the script's own eyes, changes nothing, works in slices of a few milliseconds, and tells
// nothing of the visitor: the page without its query, the site's numbers, and numbers the page shows to everybody.
(function (win, doc) {
'use strict';

const SLICE = 8; // ms
const MOST = { targets: 20, places: 5, others: 10, pictures: 5, text: 20000, bytes: 12000 };
const state = () => win.ringtrace.state();

// --- Numbers --------------------------------------------------------------------------------------------------------

const GAP = '[\\s().\\/\\u00ad\\u00b7\\u2010-\\u2015\\u2022\\u200b-\\u200f\\u202a-\\u202e\\u2060\\u2066-\\u2069\\u2212\\ufeff-]*';
const DIGITS = /\d(?:[^\da-z]*\d){6}/i;
// Country codes, ITU-T E.164: those of one and two digits; all others have three.
const CODE = /^(?:[17]|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|\d{3})/;
// Inside an identifier, a longer run of digits or behind another country's code it is no number.
const BEFORE = /(?:[\w#@=]|[\da-f][-.]|(?:\+|\b00)\d{1,3}[\s()]*|(?:\/\/|www\.|\.[a-z]+\/)\S*)$/i;
const AFTER = /^(?:\d|[-.]\d|[@_a-wyz])/i;
const digits = text => text.replace(/\D/g, '');
// Account and card numbers come in groups of four.
const grouped = (text, start) => /\d{4} $/.test(text.slice(Math.max(0, start - 5), start)) && /^\d{4} /.test(text.slice(start, start + 5));
const fits = (text, start, end) => !grouped(text, start) && !BEFORE.test(text.slice(Math.max(0, start - 60), start)) && !AFTER.test(text.slice(end, end + 2));

// [number in E.164, how to find it, its digits inside the country]
const finder = e164 => {
  const whole = digits(e164);
  const code = CODE.exec(whole)[0];
  const home = whole.slice(code.length);
  const spread = run => run.split('').join(GAP);
  const abroad = '(?:(?:\\+|00|011)' + GAP + ')?' + spread(code) + GAP + '(?:\\(?0\\)?' + GAP + ')?';
  const trunk = code === '1' ? '' : '|\\(?[08]\\)?' + GAP;
  return [e164, new RegExp('\\(?(?:' + abroad + trunk + ')?\\(?' + spread(home), 'g'), home];
};

// Numbers as people write them where we know none of them.
const ABROAD = new RegExp('(?:\\+|\\b00)[1-9](?:' + GAP + '\\d){7,13}', 'g');
const AMERICAN = /\(?\b[2-9]\d\d\)?[ .\u00a0\u2011-]{1,2}[2-9]\d\d[ .\u00a0\u2011-]\d{4}/g;
const NAMED = new RegExp('(?:tel|phone|call|ring|fon|t[ée]l[ée]phone|[☎✆📞])[^\\d+(]{0,12}(\\(?0\\d(?:' + GAP + '\\d){6,11})', 'giu');

// --- What is found --------------------------------------------------------------------------------------------------

const at = state();
const targets = at.targets.slice(0, MOST.targets);
const shown = {}; // a number shown -> the own numbers it stands for
const report = { numbers: [], halves: [], strangers: [], pictures: [], tags: [], frames: 0, cut: at.targets.length > MOST.targets };
const missed = []; // elements in which an own number stands that should have been swapped
const of = {};
targets.forEach(number => {
  const ours = at.numbers[number] && at.numbers[number].e164;
  of[number] = { number: number, shown: ours || null, swapped: 0, left: 0, places: [] };
  report.numbers.push(of[number]);
  if (ours) shown[ours] = (shown[ours] || []).concat(number);
});
const finders = Object.keys(of).concat(Object.keys(shown).filter(number => !of[number])).map(finder);
const private_ = /\/(?:my|accounts?|profile|checkout|cart|basket|orders?|invoices?|bookings?|log-?in|members?|customers?|admin)(?:[\/._-]|$)/i
  .test(win.location.pathname) || !!doc.querySelector('input[type=password]');

// [number in E.164, start, end] of every number we know in a text, in its order.
const find = text => {
  const found = [];
  if (!DIGITS.test(text)) return found;
  finders.forEach(pair => {
    let hit;
    pair[1].lastIndex = 0;
    while ((hit = pair[1].exec(text))) {
      const end = hit.index + hit[0].length;
      // In "NY 10001 (212) 555-0100" the last 1 is no code of this number's.
      const fitting = fits(text, hit.index, end);
      const part = fitting ? hit[0] : hit[0].replace(/^\d+\s+/, '');
      const start = end - part.length;
      if (fitting || (digits(part) === pair[2] && part !== hit[0] && fits(text, start, end))) found.push([pair[0], start, end]);
    }
  });
  return found.sort((a, b) => a[1] - b[1]);
};
const who = text => {
  const found = find(text.trim());
  return found.length === 1 && digits(text).length === digits(text.trim().slice(found[0][1], found[0][2])).length ? found[0][0] : null;
};
const unknown = text => {
  const patterns = [ABROAD].concat(!targets.length || targets.some(n => n[1] === '1') ? [AMERICAN] : [], [NAMED]);
  for (const pattern of patterns) {
    let hit;
    pattern.lastIndex = 0;
    while ((hit = pattern.exec(text))) {
      const number = hit[1] || hit[0];
      const start = hit.index + hit[0].length - number.length;
      if (fits(text, start, start + number.length) && !/fax\W{0,4}$/i.test(text.slice(0, start))) return number;
    }
  }
  return null;
};

// The element around this one, out of shadow trees and frames as well.
const above = element => {
  const parent = element.parentNode;
  return element.parentElement || (parent && (parent.host || (parent.defaultView && parent.defaultView.frameElement))) || null;
};
const under = (element, selector) => {
  for (let e = element; e; e = above(e)) if (e.matches(selector)) return true;
  return false;
};
const path = element => {
  const parts = [];
  for (let e = element; e && parts.length < 4 && !/^(?:html|body)$/.test(e.localName); e = above(e)) {
    const name = e.getAttribute('class');
    const first = name && name.trim().split(/\s+/)[0];
    parts.unshift(e.localName + (e.id ? '#' + e.id : first ? '.' + first : ''));
    if (e.id) break;
  }
  return (parts.join(' > ') || 'body').slice(0, 120);
};
const why = element => under(element, '[data-ringtrace=off]') ? 'off'
  : under(element, 'input,textarea,select') ? 'field'
    : under(element, '[contenteditable]:not([contenteditable=false i])') ? 'edited' : 'text';

const note = (number, text, element) => {
  (shown[number] || []).forEach(own => of[own].swapped++);
  const own = !shown[number] && of[number];
  if (!own) return;
  own.left++;
  if (own.shown && why(element) === 'text') missed.push(element);
  if (own.places.length < MOST.places) own.places.push({ at: path(element), text: text.slice(0, 60), why: why(element) });
};
const strange = (number, element, link) => {
  const key = digits(number).slice(-9);
  if (report.strangers.length >= MOST.others || under(element, '[data-ringtrace=off]')) return;
  if (report.strangers.some(other => digits(other.number).slice(-9) === key)) return;
  report.strangers.push({ number: number.trim().slice(0, 60), at: path(element), link: !!link });
};

// A text of the page: what stands in it, and whose element it is at a place in it.
const read = (text, element) => {
  if (text.length > MOST.text) report.cut = true;
  let rest = text.slice(0, MOST.text);
  find(rest).forEach(hit => {
    note(hit[0], text.slice(hit[1], hit[2]), element(hit[1] + text.slice(hit[1]).search(/\d/)));
    rest = rest.slice(0, hit[1]) + 'x'.repeat(hit[2] - hit[1]) + rest.slice(hit[2]);
  });
  if (private_ || !DIGITS.test(rest)) return;
  const number = unknown(rest);
  const holder = number && element(rest.indexOf(number));
  if (holder && !under(holder, 'form,[contenteditable]')) strange(number, holder);
};

const decoded = text => {
  try {
    return decodeURIComponent(text);
  } catch (e) {
    return text;
  }
};
const link = element => {
  const href = element.getAttribute('href') || '';
  const scheme = /^(tel|sms):(?:\/\/)?/i.exec(href);
  if (!scheme) return;
  const dialled = decoded(href.slice(scheme[0].length).split(/[;,?pw]/i)[0]);
  const number = who(dialled);
  if (number) note(number, dialled, element);
  if (scheme[1].toLowerCase() === 'sms' || digits(dialled).length < 7) return;
  const text = element.textContent.slice(0, 500);
  const hit = find(text)[0];
  const said = hit ? text.slice(hit[1], hit[2]) : unknown(text);
  // What people read and what is dialled: the same number, in whatever form.
  const end = value => digits(value).slice(-7);
  if (said && (hit && number ? hit[0] !== number : end(said) !== end(dialled)) && report.halves.length < MOST.others) {
    // Of a number shown to this visitor the owner knows the one it stands for; unless that is what differs.
    const plain = (known, raw) => shown[known] && !(hit && number) ? shown[known][0] : raw.trim().slice(0, 60);
    report.halves.push({ at: path(element), text: plain(hit && hit[0], said), link: plain(number, dialled) });
  }
  if (!number) strange(dialled, element, true);
};

const attributes = element => {
  ['title', 'aria-label', 'alt'].forEach(name => {
    const value = element.getAttribute(name);
    if (!value || !DIGITS.test(value)) return;
    const hits = find(value);
    hits.forEach(hit => note(hit[0], value.slice(hit[1], hit[2]), element));
    if (name === 'alt' && hits.length && report.pictures.length < MOST.pictures) {
      report.pictures.push({ at: path(element), text: value.slice(hits[0][1], hits[0][2]).slice(0, 60), why: 'text' });
    }
  });
  // Of what is in a field only the site's own numbers count; what a visitor wrote is theirs.
  if (element.matches('input:not([type=hidden]):not([type=password]),textarea')) {
    find(element.value || '').forEach(hit => of[hit[0]] && note(hit[0], element.value.slice(hit[1], hit[2]), element));
  }
  if (element.hasAttribute('href')) link(element);
};

// --- The way through the page ---------------------------------------------------------------------------------------

// Elements that do not part a number; all others begin a new text.
const INLINE = new Set(('a abbr b bdi bdo big cite code data del dfn em font i ins kbd label mark q s samp small span strike '
  + 'strong sub sup time tt u var wbr tspan svg g path use img').split(' '));
const CLOSED = new Set('script style noscript template head textarea iframe object'.split(' '));
const roots = [];

const enter = element => {
  attributes(element);
  if (element.shadowRoot) roots.push(element.shadowRoot);
  if (element.localName === 'iframe') {
    let inside = null;
    try {
      inside = element.contentDocument;
    } catch (e) {
      inside = null;
    }
    if (!inside) report.frames++;
    else if (!element.contentWindow.ringtrace || !element.contentWindow.ringtrace.state) roots.push(inside);
  }
};

const walk = function* (root) {
  let pieces = [];
  const flush = () => {
    const some = pieces;
    pieces = [];
    const text = some.map(node => node.data).join('');
    if (DIGITS.test(text)) {
      read(text, index => {
        let node = some[0];
        for (const piece of some) {
          node = piece;
          if ((index -= piece.data.length) < 0) break;
        }
        return node.parentElement || (node.parentNode && node.parentNode.host) || doc.documentElement;
      });
    }
  };
  let node = root;
  let entering = true;
  while (node) {
    const element = node.nodeType === 1;
    const parts = element && !INLINE.has(node.localName);
    if (parts || pieces.length > 200) flush();
    if (entering) {
      if (node.nodeType === 3) pieces.push(node);
      if (element) enter(node);
      if (node.firstChild && !(element && CLOSED.has(node.localName))) {
        node = node.firstChild;
        yield;
        continue;
      }
      if (parts) flush();
    }
    if (node === root) break;
    entering = !!node.nextSibling;
    node = node.nextSibling || node.parentNode;
    yield;
  }
  flush();
};

const everything = function* () {
  roots.push(doc.body || doc.documentElement);
  for (let i = 0; i < roots.length && i < 1000; i++) yield* walk(roots[i]);
};

// --- The script's own tags, and when it came ------------------------------------------------------------------------

const tags = now => {
  const found = {};
  const add = (key, element) => {
    if (found[key]) return found[key].count++;
    found[key] = {
      key: key,
      count: 1,
      how: element.async ? 'async' : element.defer || element.type === 'module' ? 'defer' : 'sync',
      where: doc.head && doc.head.contains(element) ? 'head' : 'body'
    };
    return 1;
  };
  doc.querySelectorAll('script[src*="/s/"]').forEach(element => {
    const key = /\/s\/([\w-]{1,100})\.js(?:[?#]|$)/.exec(element.src);
    if (key && key[1] !== 'check' && (element.src.startsWith(now.base + '/s/') || key[1] === now.site)) add(key[1], element);
  });
  if (!found[now.site] && now.tag) add(now.site, now.tag);
  report.tags = Object.keys(found).slice(0, 10).map(key => found[key]);
};

// When the page began to load the script (a slow network is not its fault), and when the page itself was there.
const times = now => {
  const page = win.performance.getEntriesByType('navigation')[0];
  const began = (page && page.activationStart) || 0;
  const loaded = now.tag && now.tag.src && win.performance.getEntriesByName(now.tag.src)[0];
  const started = loaded && loaded.startTime;
  if (typeof started === 'number') report.started_ms = Math.max(0, Math.round(started - began));
  if (page) report.ready_ms = Math.max(0, Math.round(page.domInteractive - began));
};

// A number that was not swapped: was it overlooked, or does something on the page write it back? The script is told to
// look again, which it does by itself at every change; who answers that with another change is the cause.
const probe = then => {
  let answers = 0;
  const observer = new MutationObserver(records => { answers += records.length; });
  missed.slice(0, MOST.places).forEach(element => observer.observe(element, {
    childList: true,
    subtree: true,
    characterData: true,
    attributeFilter: ['href', 'title', 'aria-label', 'alt']
  }));
  win.ringtrace.swap();
  setTimeout(guarded(() => {
    observer.disconnect();
    then(answers > 1 ? Math.ceil(answers / 2) : 0);
  }), 300);
};

const send = fought => {
  const now = state();
  // Where nothing is left only what happened while we looked counts: views inside a page bring the number anew.
  const reverted = missed.length ? now.reverted : now.reverted - at.reverted;
  if (now.consent === 'none') return;
  tags(now);
  times(now);
  const event = Object.assign({
    type: 'check',
    url: win.location.origin + win.location.pathname,
    consent: now.consent,
    reverted: Math.max(fought, Math.round(+reverted || 0))
  }, report);
  const written = () => JSON.stringify({ site: now.site, visitor: null, events: [event] });
  let body = written();
  if (new Blob([body]).size > MOST.bytes) {
    event.cut = true;
    event.numbers.forEach(one => { one.places = one.places.slice(0, 1); });
    event.halves = event.halves.slice(0, 3);
    event.strangers = event.strangers.slice(0, 3);
    event.pictures = [];
    body = written();
  }
  win.fetch(now.base + '/v1/events', { method: 'POST', body: body, credentials: 'omit', keepalive: true }).catch(() => {});
};

const later = fn => win.requestIdleCallback ? win.requestIdleCallback(fn, { timeout: 2000 }) : setTimeout(fn, 20);
const guarded = fn => () => {
  try {
    fn();
  } catch (e) {
    // A page that cannot be looked at is one nothing is known of; it must not notice.
  }
};
const begin = () => {
  const steps = everything();
  const slice = guarded(() => {
    const end = win.performance.now() + SLICE;
    while (win.performance.now() < end) if (steps.next().done) return missed.length ? probe(send) : send(0);
    later(slice);
  });
  later(slice);
};

// The page settles first: a framework that writes the old number back does so as it starts.
const settled = () => setTimeout(guarded(begin), 1500);
if (doc.readyState === 'complete') settled();
else {
  let waiting = true;
  const go = () => {
    if (waiting) settled();
    waiting = false;
  };
  win.addEventListener('load', go);
  setTimeout(go, 4000);
}
})(window, document);
