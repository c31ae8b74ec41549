// The log of one attempt: its end first, then what is added, by short requests.
import { call } from "./fetching.js";

const MOST = 1_000_000;
// Colours that programs write for a terminal.
const ESCAPES = /\x1b\[[0-9;?]*[ -/]*[@-~]/g;

export class Log {
  #key = "";
  #next = null;
  #loading = false;
  #due = false;

  constructor(address) {
    this.address = address;
  }

  /** What tells of it. */
  topic(scope) {
    const { action, attempt } = this.element?.dataset ?? {};
    return this.element ? [`log/${scope}/${action}/${attempt}`] : [];
  }

  get element() {
    return document.getElementById("log");
  }

  /** Show what has been added; all anew if another attempt is shown now. */
  async load() {
    this.#due = true;
    if (this.#loading) return;
    this.#loading = true;
    try {
      while (this.#due) {
        this.#due = false;
        await this.#loadNext();
      }
    } catch (error) {
      console.debug(error);
    } finally {
      this.#loading = false;
    }
  }

  async #loadNext() {
    const { element } = this;
    if (!element) return;
    const { action, attempt } = element.dataset;
    const key = `${action}/${attempt}`;
    if (key !== this.#key) {
      this.#key = key;
      this.#next = null;
    }
    const query = new URLSearchParams({ i: action, attempt });
    if (this.#next !== null) query.set("from", this.#next);
    const part = await call(`${this.address}/log?${query}`);
    if (this.element !== element) {
      this.#due = true;
      return;
    }
    const isAtEnd = element.scrollTop + element.clientHeight >= element.scrollHeight - 4;
    if (part.is_new) {
      element.textContent = "";
      this.#say(part.skipped);
    }
    if (part.text) element.append(part.text.replace(ESCAPES, ""));
    let length = element.textContent.length;
    while (length > MOST && element.childNodes.length > 1) {
      length -= element.firstChild.data.length;
      element.firstChild.remove();
      this.#say(1);
    }
    if (isAtEnd) element.scrollTop = element.scrollHeight;
    this.#next = part.next;
    if (part.has_more) this.#due = true;
  }

  #say(skipped) {
    const earlier = document.getElementById("earlier");
    earlier.hidden = !skipped;
    earlier.textContent = skipped ? "Earlier lines are not shown: `flyte get logs` has them all." : "";
  }
}
