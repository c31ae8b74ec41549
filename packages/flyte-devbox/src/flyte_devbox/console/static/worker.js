// Shared by all tabs of a browser: holds the one stream of events for them.
import { Source } from "./source.js";

const source = new Source();
const lock = `worker-${crypto.randomUUID()}`;
// Held as long as this worker lives: who waits for it learns that it does not any more.
const isHeld = new Promise((resolve) => {
  navigator.locks.request(lock, () => {
    resolve();
    return new Promise(() => {});
  });
});

addEventListener("connect", ({ ports: [port] }) => {
  const leave = () => source.follow(port, [], () => {});
  port.onmessage = ({ data }) => {
    source.follow(port, data.topics, (message) => port.postMessage(message));
    // A tab that crashes cannot say so, but its lock is given up.
    if (data.lock) navigator.locks.request(data.lock, leave);
  };
  port.start();
  isHeld.then(() => port.postMessage({ worker: lock }));
});
