// Shows each visitor the phone numbers of the source that brought them, and tells the server what happens on the page.
// Rules: the page is never broken (all that can fail is guarded; what fails leaves the page's own numbers), text nodes
// and attributes are edited in place, nothing is left in the page but window.ringtrace.
// Served without its comments and needless white space (script.py).
(function (win, doc, config) {
'use strict';
if (win.ringtrace && win.ringtrace.swap) return;

const safe = fn => function () {
  try {
    return fn.apply(this, arguments);
  } catch (e) {
    return undefined;
  }
};

// --- Numbers as people write them -----------------------------------------------------------------------------------

// What may stand between two digits: white space of every width, brackets, dots, dashes, slashes, invisible joiners.
const GAP = '[\\s().\\/\\u00ad\\u00b7\\u2010-\\u2015\\u2022\\u200b\\u2060\\u2212-]*';
// A cheap first look: no number has fewer than seven digits.
const DIGITS = /\d(?:[^\da-z]*\d){6}/i;
// A find that begins inside a word, an identifier, a longer run of digits or behind another country's code is no find.
const BEFORE = new RegExp('(?:\\w\\d|[\\d#@=].|\\d[-.].|(?:\\+\\d{0,3}|\\b00\\d{1,3})' + GAP + '\\d?' + GAP + '[^+])$');
const AFTER = /^(?:\d|[-.]\d|[@_])/;
const digits = text => text.replace(/\D/g, '');
const spread = text => text.split('').join(GAP);

// A number taken apart: country code (cc), number inside the country (nsn), as dialled there (nat).
const facts = number => {
  const found = /^\+(\d{1,3})\D/.exec(number.international);
  const cc = found ? found[1] : '';
  return {
    e164: number.e164,
    international: number.international,
    cc: cc,
    nsn: number.e164.slice(1 + cc.length),
    nat: digits('' + number.national)
  };
};

const pattern = number => {
  const abroad = '(?:(?:\\+|00|011)' + GAP + ')?' + spread(number.cc) + GAP + '(?:\\(?0\\)?' + GAP + ')?';
  const home = number.nat.length > 5 ? '|' + spread(number.nat) : '';
  return '(\\(?(?:' + (number.cc ? abroad : '\\+?') + spread(number.nsn) + home + '))';
};

// The text found, which is one number as the page writes it, for another: digit by digit where the shape allows it.
const written = (found, from, to, link) => {
  let left = to.nsn.length;
  let text = '';
  if (from.cc === to.cc && from.nsn.length === left && digits(found).endsWith(from.nsn)) {
    for (let i = found.length; i--;) text = (left && /\d/.test(found[i]) ? to.nsn[--left] : found[i]) + text;
    return text;
  }
  text = found[0] === '(' && found.indexOf(')') < 0 ? '(' : '';
  return text + (link || /^[+\d]+$/.test(found) ? to.e164 : to.international);
};

// A function that rewrites a text for [from, to] pairs of numbers.
const rewriter = pairs => {
  if (!pairs.length) return text => text;
  const finder = new RegExp(pairs.map(pair => pattern(pair[0])).join('|'), 'g');
  return (text, link) => {
    // Of a link only the number is read, not what follows it as a query (the text of a message).
    const head = link ? text.split('?')[0] : text;
    const plain = link ? head.replace(/%(?:20|28|29|2d)/gi, decodeURIComponent) : text;
    const result = plain.replace(finder, function (found) {
      const end = arguments[pairs.length + 1] + found.length;
      const fits = part => !BEFORE.test(plain.slice(Math.max(0, end - part.length - 12), end - part.length) + part[0]);
      if (AFTER.test(plain.slice(end, end + 2))) return found;
      let k = 0;
      while (arguments[k + 1] === undefined) k++;
      const from = pairs[k][0];
      // In "NY 10001 (212) 555-0100" the last 1 is not this number's.
      const part = fits(found) ? found : found.replace(/^\d+\s+/, '');
      if (!fits(part) || (part !== found && digits(part) !== from.nsn)) return found;
      return found.slice(0, found.length - part.length) + written(part, from, pairs[k][1], link);
    });
    return result === plain ? text : result + text.slice(head.length);
  };
};

const own = {};
config.numbers.forEach(number => {
  own[number[0]] = facts({ e164: number[0], national: number[1], international: number[2] });
});

// --- The page: every edit can be taken back -------------------------------------------------------------------------

const SKIP = 'head,script,style,noscript,template,textarea,input,select,option,'
  + '[contenteditable]:not([contenteditable=false i]),[data-ringtrace=off]';
const NAMES = ['href', 'title', 'aria-label', 'alt'];
const MARKED = '[' + NAMES.join('],[') + ']';
const WATCHED = {
  childList: true,
  subtree: true,
  characterData: true,
  attributes: true,
  attributeFilter: NAMES.concat('data-ringtrace')
};

// What we wrote: node -> {attribute name or '': [the page's own text, ours]}.
const edits = new WeakMap();
// Every number shown so far -> the own number it stood for, so that copies of swapped content are recognised.
const stoodFor = {};
let shown = {};
let swapIn = rewriter([]);
let swapOut = swapIn;
// Texts the page wrote back: text -> how often in a row, when last, in which batch.
let fights = new Map();
let batch = 0;

const off = element => {
  while (element) {
    if (element.closest(SKIP)) return true;
    element = element.getRootNode().host;
  }
  return false;
};

// A page that answers each edit by writing its own text back wins after 20 rounds, until it rests for half a second.
const fought = text => {
  const now = Date.now();
  if (fights.size > 500) fights.clear();
  const fight = fights.get(text) || { rounds: 0, at: now, batch: 0 };
  fights.set(text, fight);
  if (fight.batch !== batch) {
    if (now - fight.at > 500) fight.rounds = 0;
    fight.batch = batch;
    fight.at = now;
    fight.rounds++;
  }
  return fight.rounds > 20;
};

// Brings one text node, or one attribute of an element, to what it should show. fresh: the page has just written it.
const put = (node, name, fresh) => {
  const link = name === 'href';
  const now = name ? node.getAttribute(name) : node.data;
  if (!now || !DIGITS.test(now) || (link && !/^(tel|sms):/i.test(now))) return;
  const edit = edits.get(node) || {};
  const ours = edit[name] && edit[name][1] === now;
  let base = ours ? edit[name][0] : fresh ? swapOut(now, link) : now;
  let want = swapIn(base, link);
  const parent = name ? node : node.parentElement || (node.parentNode && node.parentNode.host);
  // Where we are told to keep off, our own edits go and the page's texts stay, tracking numbers among them.
  if ((want !== base || base !== now) && off(parent)) want = base = ours ? base : now;
  if (want !== now && fresh && fought(base)) return;
  delete edit[name];
  if (want !== base) {
    edit[name] = [base, want];
    edits.set(node, edit);
  }
  if (want === now) return;
  if (name) node.setAttribute(name, want);
  else node.data = want;
};

const marked = (element, fresh) => NAMES.forEach(name => put(element, name, fresh));

// root: a document, a shadow root, an element or a text node.
const scan = (root, fresh) => {
  if (root.nodeType === 3) return put(root, '', fresh);
  if (!root.querySelectorAll) return;
  const walker = doc.createTreeWalker(root, 4);
  while (walker.nextNode()) if (DIGITS.test(walker.currentNode.data)) put(walker.currentNode, '', fresh);
  if (root.matches && root.matches(MARKED)) marked(root, fresh);
  root.querySelectorAll(MARKED).forEach(element => marked(element, fresh));
};

const observer = new MutationObserver(safe(records => {
  if (!Object.keys(stoodFor).length) return;
  batch++;
  // One pass over the page is cheaper than very many small ones.
  if (records.length > 200) return scan(doc, true);
  records.forEach(safe(record => {
    if (record.type === 'childList') record.addedNodes.forEach(node => scan(node, true));
    else if (record.attributeName === 'data-ringtrace') scan(record.target);
    else put(record.target, record.attributeName || '', true);
  }));
}));

// The numbers to show from now on: own number -> the assigned one; what is missing returns to the page's own.
const show = numbers => {
  const before = JSON.stringify(shown);
  shown = numbers;
  Object.keys(numbers).forEach(number => {
    const ours = numbers[number].e164;
    if (!own[ours]) stoodFor[ours] = stoodFor[ours] || [facts(numbers[number]), own[number]];
  });
  swapIn = rewriter(Object.keys(numbers).map(number => [own[number], facts(numbers[number])]));
  swapOut = rewriter(Object.keys(stoodFor).map(number => stoodFor[number]));
  if (before === '{}' && before === JSON.stringify(numbers)) return;
  scan(doc);
  doc.dispatchEvent(new CustomEvent('ringtrace:swapped', { detail: { numbers: copy(), visitor: memory.visitor } }));
};

const copy = () => JSON.parse(JSON.stringify(shown));

// --- What is remembered ---------------------------------------------------------------------------------------------

const NAME = 'ringtrace';
const blank = () => ({ site: config.key, visitor: null, visit: null, numbers: {}, at: 0, ttl: 0, campaign: '' });
let memory = blank();

// The domains a cookie may be set for, the widest first: one visitor on all subdomains of a site.
const domains = () => {
  const parts = win.location.hostname.split('.');
  return parts.map((part, i) => '; Domain=' + parts.slice(i).join('.')).reverse().concat('');
};
const cookie = () => {
  const found = /(?:^|; )ringtrace=([^;]+)/.exec(doc.cookie);
  return found ? decodeURIComponent(found[1]) : null;
};
const setCookie = (value, seconds, domain) => {
  doc.cookie = NAME + '=' + encodeURIComponent(value) + '; Path=/; SameSite=Lax; Max-Age=' + seconds + domain
    + (win.location.protocol === 'https:' ? '; Secure' : '');
};
const save = () => {
  safe(() => win.localStorage.setItem(NAME, JSON.stringify(memory)))();
  if (memory.visitor) safe(() => domains().some(domain => {
    setCookie(memory.visitor, 31536000, domain);
    return cookie() === memory.visitor;
  }))();
};
const wipe = () => {
  safe(() => win.localStorage.removeItem(NAME))();
  safe(() => cookie() && domains().forEach(domain => setCookie('', 0, domain)))();
};
const recall = () => {
  const visitor = safe(cookie)();
  const kept = safe(() => JSON.parse(win.localStorage.getItem(NAME)))();
  memory = blank();
  if (kept && kept.site === config.key && (!visitor || kept.visitor === visitor)) {
    Object.assign(memory, kept, { numbers: known(kept.numbers || {}) });
  }
  memory.visitor = memory.visitor || visitor || null;
};

// The well-formed part of the numbers as the server gives them.
const known = numbers => {
  const result = {};
  Object.keys(own).forEach(number => {
    const given = numbers[number];
    if (given && given.e164 === '+' + digits('' + given.international) && given.e164[7]) result[number] = given;
  });
  return result;
};

// --- Asking the server ----------------------------------------------------------------------------------------------

const CAMPAIGN = new RegExp('[?&#](?:utm[-_]?[a-z]+|' + config.clicks + ')=[^&#]+', 'gi');
const campaign = url => (url.match(CAMPAIGN) || []).map(part => part.slice(1)).sort().join('&');
// A fragment is a place on the page, unless it is a route.
const route = () => win.location.href.replace(/#(?![!/]).*$/, '');
const LEVELS = /^(full|source|none)$/;
const tag = doc.currentScript || doc.querySelector('script[src*="/s/' + config.key + '.js"]');
const given = tag && tag.getAttribute('data-consent');
let level = win.navigator.globalPrivacyControl ? 'none' : LEVELS.test(given) ? given : config.consent;
let here = route();
let referrer = doc.referrer;
// The AbortController of the request under way; whether to ask again after it; whether the last answer was a good one.
let asking = null;
let again = false;
let answered = false;
let retryAt = 0;
let usedAt = 0;

const post = (path, body, signal) => win.fetch(config.base + path, {
  method: 'POST',
  body: JSON.stringify(body),
  credentials: 'omit',
  keepalive: true,
  signal: signal
});

// Not answered, or not usable: what is remembered may stay for its ttl, after that the page's own numbers return.
const failed = () => {
  answered = false;
  retryAt = Date.now() + 30000;
  if (Date.now() > memory.at + memory.ttl * 1000) show({});
  flush();
};

const take = (answer, sent, url) => {
  if (typeof answer.numbers !== 'object') throw answer;
  const numbers = known(answer.numbers);
  // The server answers so while it cannot reach its database.
  if (sent && answer.visitor === sent && !answer.visit && !Object.keys(numbers).length) return failed();
  memory = {
    site: config.key,
    visitor: answer.visitor || null,
    visit: answer.visit || null,
    numbers: numbers,
    at: Date.now(),
    ttl: +answer.ttl || 0,
    campaign: campaign(url) || memory.campaign
  };
  answered = true;
  retryAt = Date.now() + 30000;
  if (level === 'full') save();
  show(numbers);
  flush();
};

const ask = () => {
  if (level === 'none') return;
  if (asking) {
    again = true;
    return;
  }
  const mine = asking = new AbortController();
  const sent = level === 'full' ? memory.visitor : null;
  const url = win.location.href;
  const timer = setTimeout(() => mine.abort(), 5000);
  // A consent given or withdrawn meanwhile makes the answer void.
  const settle = then => value => {
    clearTimeout(timer);
    if (asking !== mine) return;
    asking = null;
    try {
      then(value);
    } catch (e) {
      safe(failed)();
    }
    if (again) {
      again = false;
      safe(ask)();
    }
  };
  try {
    post('/v1/swap', {
      site: config.key,
      visitor: sent,
      url: url.slice(0, 4000),
      referrer: referrer.slice(0, 2000),
      title: doc.title.slice(0, 300),
      numbers: Object.keys(own).slice(0, 100),
      consent: level
    }, mine.signal).then(response => {
      if (!response.ok) throw response;
      return response.json();
    }).then(settle(answer => take(answer, sent, url)), settle(failed));
  } catch (e) {
    settle(failed)();
  }
  referrer = here;
};

// --- What happens on the page ---------------------------------------------------------------------------------------

const TYPES = /^(pageview|heartbeat|tel_click|form|leave)$/;
// What an event may carry, and how many characters of it.
const LIMITS = { url: 2000, number: 60, phone: 60, email: 400 };
let queue = [];

const send = (type, data) => {
  if (level === 'none' || !TYPES.test(type)) return false;
  const event = { type: type, url: win.location.href.slice(0, 2000) };
  Object.keys(LIMITS).forEach(name => {
    if (data && data[name]) event[name] = String(data[name]).slice(0, LIMITS[name]);
  });
  queue = queue.concat({ event: event, at: Date.now() }).slice(-50);
  if (!asking || type === 'leave') flush(type === 'leave');
  return true;
};

// Events wait for the first answer; each tells how long it waited. Five at a time, so that no body grows too large.
const flush = leaving => {
  if (!memory.visit && answered) queue = [];
  while (memory.visit && queue.length) {
    const some = queue.splice(0, 5);
    const body = {
      site: config.key,
      visitor: memory.visitor,
      visit: memory.visit,
      events: some.map(one => {
        const age = Math.min(Date.now() - one.at, 864e5);
        return Object.assign({}, one.event, age > 0 ? { age_ms: age } : {});
      })
    };
    if (leaving) {
      win.navigator.sendBeacon(config.base + '/v1/events', JSON.stringify(body));
    } else {
      const keep = () => {
        const worth = some.filter(one => one.event.type !== 'heartbeat');
        if (level !== 'none') queue = worth.concat(queue).slice(-50);
      };
      try {
        post('/v1/events', body).then(response => response.status > 499 && keep(), keep);
      } catch (e) {
        return keep();
      }
    }
  }
};

// The visit has ended (nobody used the page for the ttl), or the last question failed: worth asking once more.
const stale = () => !asking && Date.now() > retryAt
  && (!answered || Date.now() > Math.max(memory.at, usedAt) + memory.ttl * 1000);
const used = event => {
  // What scrolls inside the page may scroll by itself (carousels).
  if (level === 'none' || (event.type === 'scroll' && event.target !== doc)) return;
  const due = stale();
  usedAt = Date.now();
  if (due) ask();
};

const path = url => url.replace(/\?[^#]*/, '');
const moved = soft => {
  const last = here;
  here = route();
  const fresh = campaign(here);
  const other = fresh && fresh !== memory.campaign;
  // Replacing the query (filters, tags cleaned away) is no view of another page.
  if (last === here || (soft && path(last) === path(here) && !other)) return;
  referrer = last;
  if (other) ask();
  else send('pageview');
};

// The number a tel: link dials, in E.164 where it is one of ours: all of them are rewritten to that form.
const dialled = href => {
  const ours = Object.keys(shown).map(key => facts(shown[key])).concat(Object.keys(own).map(key => own[key]));
  const toE164 = rewriter(ours.map(one => [one, { e164: one.e164, nsn: '' }]));
  return toE164(href, true).split(/[;,?]/)[0].replace(/[^+\d]/g, '');
};

const clicked = event => {
  const target = event.composedPath()[0];
  const link = target && target.closest && target.closest('[href^="tel:" i]');
  if (link && !off(link)) send('tel_click', { number: dialled(link.getAttribute('href')) });
};

const submitted = event => {
  const form = event.target;
  if (!form.hasAttribute('data-ringtrace-form')) return;
  const value = (type, name) => Array.from(form.elements).filter(field => field.matches(
    '[type=' + type + '],[autocomplete~=' + type + '],[name*=' + name + ' i]'
  )).map(field => field.value).find(Boolean);
  send('form', { phone: value('tel', 'phone'), email: value('email', 'email') });
};

const consent = next => {
  if (!LEVELS.test(next) || next === level || win.navigator.globalPrivacyControl) return level;
  level = next;
  const old = asking;
  asking = null;
  again = answered = false;
  queue = [];
  if (old) old.abort();
  if (level !== 'full') {
    wipe();
    memory = Object.assign(blank(), { campaign: memory.campaign });
  }
  if (level === 'none') show({});
  else ask();
  return level;
};

// --- Start ----------------------------------------------------------------------------------------------------------

const on = (target, types, fn) => types.split(' ').forEach(type => {
  target.addEventListener(type, safe(fn), { capture: true, passive: true });
});

const start = () => {
  observer.observe(doc, WATCHED);
  on(doc, 'click', clicked);
  on(doc, 'submit', submitted);
  on(win, 'mousemove mousedown keydown touchstart wheel scroll focus', used);
  on(doc, 'visibilitychange', event => doc.visibilityState === 'visible' && used(event));
  on(win, 'popstate hashchange', () => setTimeout(safe(moved)));
  on(win, 'pagehide', () => send('leave'));
  on(win, 'pageshow', event => {
    if (!event.persisted) return;
    if (stale()) ask();
    else send('pageview');
  });
  ['pushState', 'replaceState'].forEach(safe(name => {
    const native = win.history[name];
    win.history[name] = function () {
      const result = native.apply(this, arguments);
      setTimeout(safe(() => moved(name === 'replaceState')));
      return result;
    };
  }));
  setInterval(safe(() => {
    if (doc.visibilityState === 'visible' && Date.now() - usedAt < 60000) send('heartbeat');
  }), 30000);
  if (level === 'full') recall();
  else wipe();
  // Another campaign may bring another number: what is remembered waits for the answer.
  const fresh = campaign(here);
  if (!fresh || fresh === memory.campaign) show(memory.numbers);
  const early = doc.readyState === 'loading';
  if (early) on(doc, 'DOMContentLoaded', () => scan(doc));
  if (early && !doc.title) on(doc, 'DOMContentLoaded', ask);
  else ask();
};

win.ringtrace = {
  swap: safe(() => {
    if (level !== 'none') scan(doc);
    if (!answered && !asking) ask();
    return copy();
  }),
  numbers: safe(copy),
  visitor: () => memory.visitor,
  consent: safe(consent),
  track: safe(send)
};

if (doc.prerendering) on(doc, 'prerenderingchange', start);
else safe(start)();
})(window, document, __RINGTRACE_CONFIG__);
