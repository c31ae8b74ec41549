// Tells a page which of the things that it shows have changed. A hidden tab is told nothing, and asks when it is seen again.
import { Source } from "./source.js";

const lock = `tab-${crypto.randomUUID()}`;
let topics = [];
let hear = () => {};
let isLive = true;

/** What all tabs share, or this tab's own where the browser cannot share. */
function connect() {
  if (typeof SharedWorker === "undefined" || !navigator.locks) return own();
  const worker = new SharedWorker("/static/worker.js", { type: "module", name: "events" });
  let post = (message) => worker.port.postMessage(message);
  worker.port.onmessage = ({ data }) => receive(data);
  worker.onerror = () => {
    post = own();
    send();
  };
  // Held as long as this tab lives.
  navigator.locks.request(lock, () => {
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
let say;
const send = () => say?.({ topics: shown() });

function receive({ changed = [], live }) {
  if (live !== undefined && live !== isLive) {
    isLive = live;
    const sign = document.getElementById("live");
    if (sign) sign.textContent = live ? "" : "The devbox does not answer. Trying again.";
  }
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
  if (!say) {
    say = connect();
    document.addEventListener("visibilitychange", send);
    addEventListener("pagehide", () => say({ topics: [] }));
    addEventListener("pageshow", (event) => event.persisted && send());
    send();
  } else if (!isSame) send();
}
