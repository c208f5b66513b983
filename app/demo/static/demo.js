// The demo's controls: shows which number the snippet put on the page, and makes calls without a telephone.
'use strict';
(() => {
  const bar = document.getElementById('demo');
  const part = name => document.getElementById('demo-' + name);
  const own = bar.dataset.own;
  const names = JSON.parse(bar.dataset.names);
  const areas = bar.dataset.areas.split(' ');
  const PHONE = 'ringtrace-demo-phone';
  let call = null;
  let dialling = false;
  let ticking = null;

  // --- Which number is shown ---
  const shown = () => (window.ringtrace && window.ringtrace.numbers()[own]) || null;
  const tell = () => {
    const number = shown();
    // In two pieces, so that what stands here is never taken for a number of the page.
    part('number').replaceChildren(...(number ? number.national : bar.dataset.ownShown).split(' ').flatMap(piece => [
      Object.assign(document.createElement('span'), { textContent: piece }), ' '
    ]));
    part('source').textContent = number ? 'from ' + (names[number.source] || number.source) : "the business's own";
  };
  document.addEventListener('ringtrace:swapped', tell);
  window.addEventListener('load', tell);

  // --- Callers: this browser's own telephone, or any other ---
  const anybody = () => {
    const [a, b] = crypto.getRandomValues(new Uint32Array(2));
    return '+1' + areas[a % areas.length] + '55501' + (80 + b % 20);
  };
  const mine = () => {
    let phone = null;
    try { phone = localStorage.getItem(PHONE); } catch { /* no storage: another telephone each time */ }
    if (!phone) phone = anybody();
    try { localStorage.setItem(PHONE, phone); } catch { /* as above */ }
    return phone;
  };
  const written = phone => phone.replace(/^\+1(\d{3})(\d{3})(\d{4})$/, '($1) $2-$3');

  const say = (text, bad) => {
    part('said').textContent = text;
    part('said').classList.toggle('bad', Boolean(bad));
  };
  const post = (path, body) => fetch(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
    keepalive: true
  });

  // What the server answered; throws what it objects to, in words.
  const read = async answer => {
    const told = answer.status === 204 ? {} : await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(told.error ? told.error.message : 'the server answered ' + answer.status);
    return told;
  };

  // --- A call ---
  const idle = on => {
    part('idle').hidden = !on;
    part('busy').hidden = on;
    part('hang-up').disabled = false;
  };
  const clock = since => {
    const seconds = Math.floor((Date.now() - since) / 1000);
    part('timer').textContent = Math.floor(seconds / 60) + ':' + String(seconds % 60).padStart(2, '0');
  };
  const dial = async (number, caller) => {
    if (call || dialling) return;
    dialling = true;
    const since = Date.now();
    part('line').textContent = 'Ringing';
    clock(since);
    idle(false);
    part('hang-up').disabled = true;
    try {
      // As long as a thumb takes from the link to the call button; the click is reported meanwhile.
      await new Promise(done => setTimeout(done, 900));
      const answer = await post(bar.dataset.call, { number, caller });
      const told = await read(answer);
      call = told.call;
      part('hang-up').disabled = false;
      ticking = setInterval(() => clock(since), 500);
      say('Calling from ' + (caller ? written(caller) : 'a withheld number') + '. It is in the call log now.');
      setTimeout(() => {
        if (call !== told.call) return;
        part('line').textContent = 'Talking to Brightwater';
        post(bar.dataset.answer, { call: told.call }).catch(() => undefined);
      }, 3000);
    } catch (problem) {
      idle(true);
      say('No connection: ' + problem.message, true);
    }
    dialling = false;
  };
  const hangUp = async () => {
    if (!call) return;
    const ended = call;
    call = null;
    clearInterval(ticking);
    part('hang-up').disabled = true;
    try {
      const answer = await post(bar.dataset.hangUp, { call: ended });
      await read(answer);
      say('The call ended. The call log says who it was.');
    } catch (problem) {
      say('Hanging up failed: ' + problem.message, true);
    }
    idle(true);
  };

  // Every tel: link of the page dials here; the snippet has seen the click before.
  document.addEventListener('click', event => {
    const link = event.target.closest('a[href^="tel:"]');
    if (!link) return;
    event.preventDefault();
    const caller = part('withheld').checked ? null : mine();
    dial(link.getAttribute('href').slice(4), caller);
  });
  part('me').addEventListener('click', () => document.querySelector('.top a[href^="tel:"]').click());
  part('other').addEventListener('click', () => {
    const number = shown();
    dial(number ? number.e164 : own, part('withheld').checked ? null : anybody());
  });
  part('hang-up').addEventListener('click', hangUp);
  window.addEventListener('pagehide', () => {
    if (call) post(bar.dataset.hangUp, { call }).catch(() => undefined);
    call = null;
    clearInterval(ticking);
    idle(true);
  });

  // --- A new visitor: another browser, as far as anybody can tell ---
  part('forget').addEventListener('click', () => {
    if (window.ringtrace) window.ringtrace.consent('none');
    try {
      localStorage.removeItem('ringtrace');
      localStorage.removeItem(PHONE);
    } catch { /* nothing was kept */ }
    document.cookie = 'ringtrace=; Path=/; Max-Age=0';
    location.assign(bar.dataset.home);
  });

  const form = document.getElementById('callback');
  if (form) form.addEventListener('submit', event => {
    event.preventDefault();
    document.getElementById('callback-said').textContent = 'Thank you. We will call you back within the hour.';
    form.querySelector('button').disabled = true;
  });
})();
