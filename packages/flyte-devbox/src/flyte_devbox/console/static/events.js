// Tells a page which of the things that it shows have changed. A hidden tab is told nothing, and asks when it is seen again.
import { say } from "./notices.js";
import { Source } from "./source.js";

const GREETING = 30000;
const lock = `tab-${crypto.randomUUID()}`;
let topics = [];
let hear = () => {};

/** What all tabs share, or this tab's own where the browser cannot share. */
function connect() {
  if (typeof SharedWorker === "undefined" || !navigator.locks) return own();
  let post;
  const fallBack = () => {
    post = own();
    send();
  };
  const share = () => {
    const worker = new SharedWorker("/static/worker.js", { type: "module", name: "events" });
    const isSilent = setTimeout(() => {
      worker.port.close();
      fallBack();
    }, GREETING);
    worker.port.onmessage = ({ data }) => {
      if (!data.worker) return receive(data);
      clearTimeout(isSilent);
      // It lives in the process of one of the tabs, and dies with that when it crashes.
      navigator.locks.request(data.worker, share);
    };
    worker.onerror = () => {
      clearTimeout(isSilent);
      fallBack();
    };
    post = (message) => worker.port.postMessage(message);
    post({ topics: shown(), lock: isLocked ? lock : undefined });
  };
  let isLocked = false;
  share();
  // Held as long as this tab lives.
  navigator.locks.request(lock, () => {
    isLocked = true;
    post({ topics: shown(), lock });
    return new Promise(() => {});
  });
  return (message) => post(message);
}

function own() {
  const source = new Source();
  return ({ topics: wanted }) => source.follow(source, wanted, receive);
}

const shown = () => (document.visibilityState === "hidden" ? [] : topics);
let tellSource;
const send = () => tellSource?.({ topics: shown() });

function receive({ changed = [], live, why }) {
  if (live !== undefined) say("live", live ? "" : why || "The devbox does not answer. Trying again.");
  if (changed.length && document.visibilityState !== "hidden") hear(changed);
}

/**
 * Follow topics in place of those before.
 * @param {string[]} wanted
 * @param {(changed: string[]) => void} tell
 */
export function follow(wanted, tell) {
  const isSame = wanted.length === topics.length && wanted.every((topic) => topics.includes(topic));
  topics = wanted;
  hear = tell;
  if (!tellSource) {
    tellSource = connect();
    document.addEventListener("visibilitychange", send);
    addEventListener("pagehide", () => tellSource({ topics: [] }));
    addEventListener("pageshow", (event) => event.persisted && send());
    send();
  } else if (!isSame) send();
}
