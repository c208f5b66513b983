// Shows each visitor the phone numbers of the source that brought them, and tells the server what happens on the page.
// Rules: the page is never broken (all that can fail is guarded; what fails leaves the page's own numbers), text nodes
// and attributes are edited in place, nothing is left in the page but window.ringtrace.
// Every page of a customer loads this text: it is kept small, and served without names and comments (script.py).
(function (win, doc, config) {
if (win.ringtrace?.swap) return;

const safe = fn => (...given) => {
  try {
    return fn(...given);
  } catch {}
};
const on = (target, types, fn) => types.split(' ').forEach(type => {
  target.addEventListener(type, safe(fn), true);
});
// Calls `after` with the result whenever the page calls object[name].
const wrap = (object, name, after) => {
  const native = object[name];
  object[name] = function (...given) {
    const result = native.apply(this, given);
    after(result);
    return result;
  };
};
const now = () => Date.now();
const text = JSON.stringify;

// --- Numbers as people write them -----------------------------------------------------------------------------------

// What may stand between two digits: white space of every width, brackets, dots, dashes, slashes, invisible joiners.
const GAP = '[^\\w,:;+*=#@&%$]*';
// A find that begins inside a word, an identifier, a longer run of digits or behind another country's code is no find.
const BEFORE = new RegExp('(\\w\\d|[\\d#@=].|[^/]/.|\\d[-.].|(\\+\\d{0,3}|\\b00\\d{1,3})' + GAP + '\\d?' + GAP + '[^+])$');
const AFTER = /^(\d|[-.]\d|[a-df-oq-vyz@_])/i;
const digits = words => ('' + words).replace(/\D/g, '');
const spread = words => [...words].join(GAP);

// A number's country code, and the number inside the country.
const code = number => /\d+/.exec(number.international)[0];
const inland = number => number.e164.slice(1 + code(number).length);

const pattern = number => '(\\(?(?:(?:(?:\\+|00|011)' + GAP + ')?' + code(number) + GAP + '(?:\\(?0\\)?' + GAP + ')?'
  + spread(inland(number)) + '|' + spread(digits(number.national)) + '))';

// The words found, which are one number as the page writes it, for another: digit by digit where its shape allows it.
const written = (found, from, to, link) => {
  const ours = [...inland(to)];
  const near = code(from) === code(to);
  let before = digits(found).length - ours.length;
  return near && from.e164.length === to.e164.length
    ? found.replace(/\d/g, digit => before-- > 0 ? digit : ours.shift())
    : found.replace(/\(.*\).*|[+\d].*/s, link || /^[+\d]+$/.test(found)
      ? to.e164 : near && !/^\W*(\+|00|011)/.test(found) ? to.national : to.international);
};

// The business's own numbers. All that may stand on the page, those shown so far too, each with the own one it is for.
const known = {};
const own = config.targets.map(([international, national]) => {
  const e164 = '+' + digits(international);
  known[e164] = { e164, international, national, own: e164 };
  return e164;
});
let shown = {};
// What is to be written now: [number, number to be shown instead]; and where they stand: one group for each pair.
let pairs;
let finder;

// What to write where in some words, from their end to their beginning: [start, end, new words].
const changes = (words, link) => {
  const list = [];
  for (const found of words.matchAll(finder)) {
    const end = found.index + found[0].length;
    const [from, to] = pairs[found.slice(1).findIndex(Boolean)];
    const fits = part => !BEFORE.test(words.slice(0, end - part.length).slice(-12) + part[0]);
    // In "NY 10001 (212) 555-0100" the last 1 is not this number's.
    const part = fits(found[0]) ? found[0] : found[0].replace(/^\d+\s+/, '');
    if (!AFTER.test(words.slice(end, end + 2)) && fits(part) && (part === found[0] || digits(part) === digits(from.national))) {
      list.unshift([end - part.length, end, written(part, from, to, link)]);
    }
  }
  return list;
};

// --- The page -------------------------------------------------------------------------------------------------------

const SKIP = 'head,script,style,noscript,textarea,input,option,[contenteditable]:not([contenteditable=false]),[data-ringtrace=off]';
const NAMES = ['title', 'aria-label', 'alt', 'href'];
const MARKED = '[title],[aria-label],[alt],[href^=t i],[href^=s i]';
// A number may be split over these; any other element ends it.
const INLINE = /^(a|b|em|font|i|mark|small|span|strong|sup|tspan|u|wbr)$/i;

// Where we wrote, in which batch at last.
let edited;
const adopted = new WeakSet();
// How often the page wrote an old number back.
let reverted = 0;
// What the page wrote back lately: words -> [how often, in which batch at last].
let fights = {};
let batch = 0;
let rest;
// Whether the visitor has marked something. To ask at each edit would cost a layout each.
let marked;

const off = node => node && (node.closest?.(SKIP) || off(node.getRootNode().host));

// A page that answers each edit by writing its own words back wins after 20 rounds, until it rests for half a second.
const fought = (place, words) => {
  const fight = fights[words] ??= [0];
  if (fight[1] !== batch) {
    fight[0]++;
    fight[1] = batch;
    if (edited.get(place) < batch) reverted++;
    edited.set(place, batch);
    clearTimeout(rest);
    rest = setTimeout(() => fights = {}, 500);
  }
  return fight[0] > 20;
};

// Brings one attribute of an element to what it should show.
const put = (element, name) => {
  const had = element.getAttribute?.(name);
  const link = name === 'href';
  if (!had || (link && !/^(tel|sms):/i.test(had))) return;
  // Of a link only the number is read, not what follows it as a query (the text of a message).
  const head = link ? had.split('?')[0] : had;
  let words = link ? head.replace(/%2[089bd]/gi, decodeURIComponent) : had;
  const list = changes(words, link);
  if (!list[0] || off(element) || fought(element, had)) return;
  list.forEach(([start, end, ours]) => words = words.slice(0, start) + ours + words.slice(end));
  element.setAttribute(name, words + had.slice(head.length));
};

const block = node => INLINE.test(node.parentNode.nodeName) ? block(node.parentNode) : node.parentNode;

// The same for a text node, together with its neighbours on the same line: a number may be split over several.
const puttext = node => {
  if (off(node.parentNode)) return;
  const walker = doc.createTreeWalker(node.getRootNode(), 5);
  const beside = step => {
    const list = [];
    walker.currentNode = node;
    for (let steps = 60, next; steps-- && (next = walker[step]()) && (
      next.nodeType > 1 ? block(next) === block(node) && !off(next.parentNode) : INLINE.test(next.nodeName)
    );) if (next.nodeType > 1) list.push(next);
    return list;
  };
  const run = [...beside('previousNode').reverse(), node, ...beside('nextNode')];
  const words = run.map(part => part.data).join('');
  const list = changes(words);
  if (!list[0] || fought(node.parentNode, words)) return;
  list.forEach(([start, end, ours]) => run.forEach(part => {
    // Each node gets as many signs as it loses, the last one the rest.
    const { length } = part;
    const from = Math.max(start, 0);
    const lost = Math.min(end, length) - from;
    if (lost > 0) {
      const mine = ours.slice(0, end > length ? lost : undefined);
      ours = ours.slice(lost);
      // replaceData keeps what is marked; in a line of a thousand elements it costs Chromium 70 ms, each time.
      const next = part.data.slice(0, from) + mine + part.data.slice(from + lost);
      if (part.data !== next) marked ? part.replaceData(from, lost, mine) : part.data = next;
    }
    start -= length;
    end -= length;
  }));
};

// root: a document, a shadow root, an element or a text node.
const scan = safe(root => {
  if (!finder) return;
  if (root.nodeType === 3) return puttext(root);
  if (!root.querySelectorAll) return;
  const top = root.documentElement || root;
  // One search through all text is far cheaper than one for each node; the nodes are then found by their lengths.
  const ends = [...top.textContent.matchAll(finder)].map(found => found.index + found[0].length);
  const walker = doc.createTreeWalker(top, 12);
  const nodes = [];
  // An inline element may complete a number that begins before it.
  if (INLINE.test(root.nodeName)) ends.unshift(1);
  for (let at = 0; ends[0] && walker.nextNode();) {
    at += walker.currentNode.length;
    if (at >= ends[0]) nodes.push(walker.currentNode);
    while (at >= ends[0]) ends.shift();
  }
  nodes.forEach(puttext);
  [root, ...root.querySelectorAll(MARKED)].forEach(element => NAMES.forEach(name => put(element, name)));
  enter(root);
  // Frames and shadow trees; on a large page, where it takes as long again to look for them, in a task of their own.
  const all = root.querySelectorAll('*');
  all[5000] ? setTimeout(() => all.forEach(enter)) : all.forEach(enter);
});

const observer = new MutationObserver(records => {
  if (!finder) return;
  batch++;
  // One pass over the page is cheaper than very many small ones.
  if (records[200]) scan(doc);
  else {
    records.forEach(({ target, attributeName, addedNodes }) => {
      if (attributeName) put(target, attributeName);
      else if (target.data) scan(target);
      else addedNodes.forEach(scan);
    });
  }
});

// What is inside a frame or a shadow tree.
const enter = element => {
  const root = element.shadowRoot || element.contentDocument;
  // A frame with a script of its own looks after itself.
  if (!root || root.defaultView?.ringtrace?.swap || off(element)) return;
  adopt(root);
  scan(root);
};

// Watches a document or a shadow tree from now on.
const adopt = root => {
  if (adopted.has(root)) return;
  adopted.add(root);
  observer.observe(root, { childList: true, subtree: true, characterData: true, attributeFilter: NAMES });
  // These two do not leave the tree they happen in.
  on(root, 'submit', submitted);
  on(root, 'load', event => enter(event.target));
  if (root.defaultView) {
    on(root, 'click', clicked);
    wrap(root.defaultView.Element.prototype, 'attachShadow', safe(tree => tree.mode === 'open' && adopt(tree)));
  }
};

// The numbers to show from now on: own number -> the assigned one; what is missing returns to the page's own.
const show = numbers => {
  const before = text(shown);
  shown = numbers;
  Object.entries(numbers).forEach(([number, ours]) => {
    if (!own.includes(ours.e164)) known[ours.e164] = { ...ours, own: number };
  });
  pairs = Object.values(known).map(from => [from, shown[from.own] || known[from.own]]).filter(([from, to]) => from.e164 !== to.e164);
  finder = pairs[0] && new RegExp(pairs.map(([from]) => pattern(from)).join('|'), 'g');
  if (before + text(numbers) === '{}{}') return;
  edited = new WeakMap();
  scan(doc);
  doc.dispatchEvent(new CustomEvent('ringtrace:swapped', { detail: { numbers: copy() } }));
};

const copy = () => JSON.parse(text(shown));

// --- What is remembered ---------------------------------------------------------------------------------------------

let memory = {};

const cookie = () => /(?:^|; )ringtrace=([^;]+)/.exec(doc.cookie)?.[1];
// For the widest domain that takes it: one visitor on all subdomains of a site. All other copies go.
const setCookie = value => {
  const domains = ['', ...location.hostname.split('.').map((part, i, parts) => '; Domain=' + parts.slice(i).join('.'))].reverse();
  (value ? [0, 31536000] : [0]).forEach(age => domains.some(domain => {
    doc.cookie = 'ringtrace=' + value + '; Path=/; SameSite=Lax; Max-Age=' + age + domain
      + (location.protocol === 'https:' ? '; Secure' : '');
    return age && cookie();
  }));
};
const wipe = safe(() => {
  if (cookie()) setCookie('');
  delete localStorage.ringtrace;
});
const recall = safe(() => {
  const visitor = cookie();
  const kept = safe(() => JSON.parse(localStorage.ringtrace))();
  memory = kept?.site === config.site && (!visitor || kept.visitor === visitor) ? kept : { visitor };
  memory.numbers = sound(memory.numbers);
});

// The well-formed part of the numbers as the server gives them.
const sound = numbers => Object.fromEntries(own.map(number => [number, numbers?.[number]]).filter(
  ([, given]) => given?.e164[7] && given.e164 === '+' + digits(given.international)
));

// --- Asking the server ----------------------------------------------------------------------------------------------

// Campaign words and click ids. One that is not known here costs a short sight of the number remembered, no more.
const CAMPAIGN = /[?&#](utm[-_]?[a-z]+|\w*(cl|ck?|lk|bra|t_|sh)id|epik)=[^&#]+/gi;
const campaign = url => (url.match(CAMPAIGN) || []).map(part => part.slice(1)).sort().join('&');
// A fragment is a place on the page, unless it is a route.
const route = () => location.href.replace(/#(?![!/]).*$/, '');
const LEVELS = /^(full|source|none)$/;
const tag = doc.currentScript;
const given = tag?.dataset.consent;
let level = navigator.globalPrivacyControl ? 'none' : LEVELS.test(given) ? given : config.consent;
let here = route();
let referrer = doc.referrer;
// The request under way; whether the last answer was a good one.
let asking;
let answered = false;
let retryAt = 0;
let usedAt = 0;

const post = async (path, body) => fetch(config.base + path, {
  method: 'POST',
  body: text({ site: config.site, visitor: memory.visitor || null, ...body }),
  keepalive: true
});

// Whether the answer is a good one. What the server says while it cannot reach its database is none.
const take = (answer, url) => {
  if (!answer.numbers || (!answer.visit && answer.ttl < 60)) return;
  const numbers = sound(answer.numbers);
  memory = { ...answer, site: config.site, numbers, at: now(), campaign: campaign(url) || memory.campaign };
  safe(() => {
    if (level !== 'full') return;
    if (memory.visitor) setCookie(memory.visitor);
    localStorage.ringtrace = text(memory);
  })();
  show(numbers);
  if (answer.check) {
    const script = doc.createElement('script');
    script.src = config.base + '/s/check.js';
    script.nonce = tag?.nonce;
    doc.head.appendChild(script).remove();
  }
  return true;
};

// Whether what is remembered may no longer be shown without asking.
const old = since => !(now() < since + memory.ttl * 1000);

const ask = () => {
  if (level === 'none' || asking || doc.prerendering) return;
  const mine = asking = {};
  const url = location.href;
  // A consent given or withdrawn meanwhile makes the answer void.
  const settle = answer => {
    if (asking !== mine) return;
    asking = false;
    retryAt = now() + 30000;
    answered = !!safe(take)(answer, url);
    if (answered) referrer = here;
    // Until then what is remembered may stay; after that the page's own numbers return.
    else if (old(memory.at)) show({});
    flush();
  };
  // Who has not answered after five seconds has not answered.
  setTimeout(settle, 5000);
  // A page that was told nothing says so: its first question may be written down later, and counts once.
  post('/v1/swap', { url, referrer, title: doc.title, numbers: own, consent: level, again: !answered && retryAt > 0 })
    .then(response => response.ok && response.json()).then(settle, settle);
};

// --- What happens on the page ---------------------------------------------------------------------------------------

let queue = [];

const send = (type, data) => {
  if (level === 'none' || !/^[a-z_]+$/.test(type)) return false;
  queue = [...queue, [{ url: location.href, ...data, type }, now()]].slice(-50);
  if (!asking || type === 'leave') flush();
  return true;
};

// Events wait for the first answer; each tells how long it waited. Five at a time, so that no body grows too large.
const flush = () => {
  while (memory.visit && queue[0]) {
    const some = queue.splice(0, 5);
    const keep = () => queue = [...some, ...queue];
    post('/v1/events', {
      visit: memory.visit,
      events: some.map(([event, at]) => ({ age_ms: now() - at, ...event }))
    }).then(response => response.status > 499 && keep(), keep);
  }
};

// The visit has ended (nobody used the page for the ttl), or the last question failed: worth asking once more.
const stale = () => !asking && now() > retryAt && (!answered || old(Math.max(memory.at, usedAt)));
const used = () => {
  if (stale()) ask();
  usedAt = now();
};

const path = url => url.replace(/\?[^#]*/, '');
const moved = safe(soft => {
  const last = here;
  here = route();
  const fresh = campaign(here);
  const other = fresh && fresh !== memory.campaign;
  // Replacing the query (filters, tags cleaned away) is no view of another page.
  if (last === here || (soft && path(last) === path(here) && !other)) return;
  referrer = last;
  if (other && !asking) ask();
  else send('pageview');
});

const clicked = event => {
  const link = event.composedPath()[0].closest('[href^="tel:" i]');
  if (!link || off(link)) return;
  // In E.164 where it is a number we know.
  const number = link.getAttribute('href').split(/[;,?]/)[0].replace(/[^+\d]/g, '');
  send('tel_click', { number: Object.keys(known).find(one => number.endsWith(inland(known[one]))) || number });
};

const submitted = ({ target }) => {
  const value = like => [...target.elements].find(
    field => like.test(field.type + ' ' + field.name + ' ' + field.autocomplete) && field.value
  )?.value;
  if (target.hasAttribute('data-ringtrace-form')) send('form', { phone: value(/\btel|phone/i), email: value(/mail/i) });
};

const consent = next => {
  if (!LEVELS.test(next) || next === level || navigator.globalPrivacyControl) return level;
  level = next;
  asking = answered = false;
  queue = [];
  if (level !== 'full') {
    wipe();
    memory = {};
  }
  if (level === 'none') show({});
  else ask();
  return level;
};

// --- Start ----------------------------------------------------------------------------------------------------------

const start = () => {
  adopt(doc);
  on(doc, 'selectionchange', () => marked = !getSelection().isCollapsed);
  on(win, 'pointermove pointerdown keydown wheel focus', used);
  on(doc, 'visibilitychange', () => doc.hidden || used());
  on(win, 'popstate', () => setTimeout(moved));
  on(win, 'pagehide', () => send('leave'));
  on(win, 'pageshow', event => {
    if (event.persisted) stale() ? ask() : send('pageview');
  });
  ['push', 'replace'].forEach(name => wrap(history, name + 'State', () => setTimeout(moved, 0, name[4])));
  setInterval(() => doc.hidden || now() - usedAt > 60000 || send('heartbeat'), 30000);
  if (level === 'full') recall();
  else wipe();
  // Another campaign may bring another number: what is remembered waits for the answer.
  const fresh = campaign(here);
  if (!fresh || fresh === memory.campaign) show(memory.numbers || {});
  ask();
};

win.ringtrace = {
  swap: safe(() => {
    scan(doc);
    if (!answered) ask();
    return copy();
  }),
  numbers: copy,
  visitor: () => memory.visitor || null,
  consent: safe(consent),
  track: safe(send),
  state: () => ({ ...config, targets: own, consent: level, answered, numbers: copy(), reverted, tag })
};

if (doc.prerendering) on(doc, 'prerenderingchange', start);
else safe(start)();
})(window, document, __RINGTRACE_CONFIG__);
