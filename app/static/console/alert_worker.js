// Asks the server every two seconds which alerts wait, once for all pages of a browser. Runs as a
// shared worker, whose timers go on while every page is hidden; in a browser without shared workers
// each page runs it itself.
"use strict";

const POLL_INTERVAL = 2000; // milliseconds
const SIGNED_OUT_INTERVAL = 15000; // until somebody signs in again in another window

// calls deliver({isConnected, isSignedOut, changed}); `changed` is what the server said, null while
// it is as before
function pollAlerts(address, deliver) {
  let etag = "";
  async function ask() {
    let pause = POLL_INTERVAL;
    try {
      // X-Quiet: a page that nobody looks at must not keep its session alive
      const answer = await fetch(`${address}?etag=${encodeURIComponent(etag)}`, {
        headers: { "HX-Request": "true", "X-Quiet": "1" },
        credentials: "same-origin",
      });
      const isSignedOut = answer.status === 401 || answer.status === 403;
      const changed = answer.status === 200 ? await answer.json() : null;
      if (changed) etag = changed.etag;
      if (isSignedOut) {
        etag = ""; // somebody else may sign in
        pause = SIGNED_OUT_INTERVAL;
      }
      deliver({ isConnected: answer.status < 500, isSignedOut, changed });
    } catch {
      deliver({ isConnected: false, isSignedOut: false, changed: null });
    }
    setTimeout(ask, pause);
  }
  ask();
}

// ---- as a shared worker ----

function serveAllPages(scope) {
  const pages = new Map(); // port -> whether its page is visible
  let last = null;
  let isPolling = false;

  // one page rings and shows the notification of the system: a visible one, if there is one
  const leader = () => [...pages].find(([, isVisible]) => isVisible)?.[0] ?? [...pages.keys()].pop();

  function deliver(news) {
    if (news.changed) last = news.changed;
    if (news.isSignedOut) last = null; // no page of the next person may show it
    for (const port of pages.keys()) port.postMessage({ ...news, isLeader: port === leader() });
  }

  scope.onconnect = (event) => {
    const port = event.ports[0];
    port.onmessage = ({ data }) => {
      if (data.isClosed) {
        pages.delete(port);
        return;
      }
      const isNew = !pages.has(port);
      pages.set(port, data.isVisible);
      if (!isPolling) {
        isPolling = true;
        pollAlerts(data.address, deliver);
      } else if (isNew && last) {
        port.postMessage({ isConnected: true, isSignedOut: false, changed: last, isLeader: port === leader() });
      }
    };
  };
}

if (typeof SharedWorkerGlobalScope !== "undefined") serveAllPages(self);
