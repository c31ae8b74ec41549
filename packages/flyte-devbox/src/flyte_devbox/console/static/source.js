// One stream of events for any number of listeners: it tells which topics have changed. See `console/events.py`.
import { reason } from "./fetching.js";

const RETRY = [500, 1000, 2000, 5000, 10000];

export class Source {
  #listeners = new Map();
  #stream = null;
  #known = new Set();
  #failures = 0;
  #timer = 0;

  /**
   * Say what a listener looks at; nothing for one that looks away.
   * @param {object} listener who is told
   * @param {string[]} topics such as "runs"
   * @param {(message: {changed?: string[], live?: boolean, why?: string}) => void} tell is called with topics that
   *   changed, whether the stream is there, and why it is not, if that is known
   */
  follow(listener, topics, tell) {
    const known = this.#listeners.get(listener)?.topics ?? [];
    if (topics.length) this.#listeners.set(listener, { topics, tell });
    else this.#listeners.delete(listener);
    // What the stream tells of already may have changed before this listener came.
    const fresh = topics.filter((topic) => this.#known.has(topic) && !known.includes(topic));
    if (fresh.length) tell({ changed: fresh, live: true });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connect(), 20);
  }

  #wanted() {
    return new Set([...this.#listeners.values()].flatMap((one) => one.topics));
  }

  #connect() {
    const wanted = this.#wanted();
    if (this.#stream && wanted.size === this.#known.size && [...wanted].every((topic) => this.#known.has(topic))) return;
    if (!wanted.size) {
      this.#stream?.close();
      this.#stream = null;
      this.#known = new Set();
      return;
    }
    const old = this.#stream;
    const before = old ? this.#known : new Set();
    const stream = new EventSource(`/events?${new URLSearchParams([...wanted].map((topic) => ["topic", topic]))}`);
    this.#stream = stream;
    this.#known = wanted;
    let isFirst = true;
    stream.onopen = () => {
      // The old stream tells until the new one does, so that nothing is missed between them.
      old?.close();
      this.#failures = 0;
      this.#tell(isFirst ? [...wanted].filter((topic) => !before.has(topic)) : [...wanted], true);
      isFirst = false;
    };
    stream.onmessage = (event) => this.#tell(JSON.parse(event.data), true);
    stream.onerror = () => {
      isFirst = false;
      old?.close();
      if (this.#stream !== stream) return stream.close();
      this.#tell([], false);
      if (stream.readyState !== EventSource.CLOSED) return;
      // It was refused, which the browser does not try again.
      this.#stream = null;
      this.#known = new Set();
      this.#timer = setTimeout(() => this.#connect(), RETRY[Math.min(this.#failures++, RETRY.length - 1)]);
      void this.#explain(stream.url);
    };
  }

  /** A stream does not tell with what status it was refused. */
  async #explain(address) {
    const answer = await fetch(address).catch(() => null);
    void answer?.body?.cancel();
    const why = reason(answer?.status);
    if (why && !this.#stream) this.#tell([], false, why);
  }

  #tell(topics, live, why) {
    for (const { topics: mine, tell } of this.#listeners.values()) {
      const changed = topics.filter((topic) => mine.includes(topic));
      tell({ changed, live, why });
    }
  }
}
