// The log of one attempt: its end first, then what is added, by short requests. While it is followed its end is in sight.
import { Terminal } from "./ansi.js";
import { call, growing } from "./fetching.js";
import { LogSearch } from "./log_search.js";
import { say } from "./notices.js";

const MOST = 1_000_000;
const NEAR = 4;

export class Log {
  #key = "";
  #next = null;
  #loading = false;
  #due = false;
  #failures = 0;

  #terminal = new Terminal();
  #length = 0;

  constructor(address) {
    this.address = address;
    this.search = new LogSearch(() => this.element);
    // Scrolling away from the end ends following it, and coming back begins it again.
    document.addEventListener("scroll", (event) => event.target === this.element && this.#scrolled(), { capture: true, passive: true });
    document.addEventListener("change", (event) => event.target.id === "log-follow" && this.#toEnd());
  }

  get #isFollowed() {
    return document.getElementById("log-follow")?.checked ?? false;
  }

  #scrolled() {
    const { scrollTop, clientHeight, scrollHeight } = this.element;
    const box = document.getElementById("log-follow");
    if (box && scrollHeight > clientHeight) box.checked = scrollTop + clientHeight >= scrollHeight - NEAR;
  }

  #toEnd() {
    if (this.#isFollowed && this.element) this.element.scrollTop = this.element.scrollHeight;
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
      say("log");
      this.#failures = 0;
    } catch (error) {
      say("log", error.message);
      if (error.isPassing) setTimeout(() => this.load(), growing(++this.#failures));
    } finally {
      this.#loading = false;
    }
  }

  async #loadNext() {
    const { element } = this;
    if (!element) return;
    const { action, attempt } = element.dataset;
    const key = `${action}/${attempt}`;
    if (key !== this.#key || !element.childNodes.length) {
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
    // Somebody may have scrolled away just now, which the browser has not told yet.
    this.#scrolled();
    const isFollowed = this.#isFollowed;
    if (part.is_new) {
      element.replaceChildren();
      this.#terminal = new Terminal();
      this.#length = 0;
      this.#say(part.skipped > 0);
    }
    if (part.text) {
      const piece = document.createElement("span");
      piece.append(...this.#terminal.nodes(part.text));
      element.append(piece);
      this.#length += piece.textContent.length;
    }
    while (this.#length > MOST && element.childNodes.length > 1) {
      this.#length -= element.firstChild.textContent.length;
      element.firstChild.remove();
      this.#say(true);
    }
    // Before that nobody knows whether there is anything.
    element.dataset.known = "";
    if (part.text || part.is_new) this.search.refresh();
    if (isFollowed) this.#toEnd();
    this.#next = part.next;
    if (part.has_more) this.#due = true;
  }

  #say(isCut) {
    document.getElementById("earlier").hidden = !isCut;
  }
}
