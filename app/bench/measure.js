// Runs in a page before anything else and notes when what happened, in milliseconds since the navigation began.
(() => {
  const seen = {};
  const waiting = {};
  const tasks = [];
  const observer = new PerformanceObserver(list => tasks.push(...list.getEntries()));
  const note = (name, value = performance.now()) => {
    if (name in seen) return;
    seen[name] = value;
    (waiting[name] || []).forEach(done => done(value));
  };

  // The first thing the script does is to ask whether it is there already.
  let ringtrace;
  Object.defineProperty(window, 'ringtrace', {
    configurable: true,
    get: () => {
      note('started');
      return ringtrace;
    },
    set: value => {
      ringtrace = value;
    }
  });
  document.addEventListener('ringtrace:swapped', event => {
    if (Object.keys(event.detail.numbers).length) note('swapped');
  });
  const json = Response.prototype.json;
  Response.prototype.json = function () {
    return json.call(this).then(value => {
      note('answered');
      return value;
    });
  };

  const idle = () => new Promise(done => requestAnimationFrame(() => requestIdleCallback(done)));

  window.bench = {
    // The time noted under a name, as soon as it is there; null after so many seconds.
    when: (name, seconds) => name in seen ? seen[name] : new Promise(done => {
      (waiting[name] ||= []).push(done);
      setTimeout(done, seconds * 1000, null);
    }),
    // The page at rest, with nothing thrown away lying about.
    rest: async () => {
      await idle();
      gc();
      await idle();
      observer.observe({ type: 'longtask' });
    },
    // Runs a script in a task of its own; how long it, and what it left to do at once (microtasks), took.
    run: source => new Promise(done => setTimeout(() => {
      const element = document.createElement('script');
      element.textContent = source;
      const start = performance.now();
      document.head.append(element);
      queueMicrotask(() => done(performance.now() - start));
    })),
    // Once all is done: the longest task since the rest, drawing included; browsers tell of none up to 50 ms (0).
    longest: async () => {
      await idle();
      await idle();
      tasks.push(...observer.takeRecords());
      return Math.max(0, ...tasks.map(task => task.duration));
    }
  };
})();
