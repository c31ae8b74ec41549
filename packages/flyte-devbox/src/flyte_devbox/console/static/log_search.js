// Searches what is shown of the log: marks what is found, and goes from one to the next.

const MOST = 2000;

export class LogSearch {
  #ranges = [];
  #place = -1;

  /** @param {() => HTMLElement | null} log gives what is searched; `#log-search` and `#log-found` are beside it */
  constructor(log) {
    this.log = log;
    document.addEventListener("input", (event) => event.target.id === "log-search" && this.find());
    document.addEventListener("keydown", (event) => {
      if (event.target.id !== "log-search") return;
      if (event.key === "Enter") this.#step(event.shiftKey ? -1 : 1);
      else if (event.key === "Escape" && event.target.value) {
        event.target.value = "";
        this.find();
      } else return;
      event.preventDefault();
    });
  }

  get #text() {
    return document.getElementById("log-search")?.value.toLowerCase() ?? "";
  }

  /** Look again: something else is searched for. */
  find() {
    this.#place = -1;
    this.refresh();
    if (this.#ranges.length) this.#step(1);
  }

  /** Look again: the log has grown. */
  refresh() {
    this.#ranges = this.#text ? this.#found(this.#text) : [];
    this.#show();
  }

  #found(text) {
    const nodes = [];
    const walk = document.createTreeWalker(this.log(), NodeFilter.SHOW_TEXT);
    let whole = "";
    while (walk.nextNode()) {
      nodes.push({ node: walk.currentNode, start: whole.length });
      whole += walk.currentNode.data;
    }
    // As long as what is shown, which some letters are not when they are made small.
    const small = [...whole].map((one) => (one.toLowerCase().length === one.length ? one.toLowerCase() : one)).join("");
    const ranges = [];
    let first = 0;
    const place = (offset, isEnd) => {
      while (first + 1 < nodes.length && nodes[first + 1].start + (isEnd ? 1 : 0) <= offset) first++;
      return [nodes[first].node, offset - nodes[first].start];
    };
    for (let at = small.indexOf(text); at >= 0 && ranges.length < MOST; at = small.indexOf(text, at + text.length)) {
      const range = document.createRange();
      range.setStart(...place(at, false));
      range.setEnd(...place(at + text.length, true));
      ranges.push(range);
    }
    return ranges;
  }

  #step(by) {
    const count = this.#ranges.length;
    if (!count) return;
    this.#place = (this.#place + by + count) % count;
    const log = this.log();
    const range = this.#ranges[this.#place].getBoundingClientRect();
    const box = log.getBoundingClientRect();
    if (range.top < box.top || range.bottom > box.bottom) log.scrollTop += range.top - box.top - box.height / 2;
    this.#show();
  }

  #show() {
    const count = this.#ranges.length;
    const many = `${count}${count === MOST ? "+" : ""}`;
    const said = document.getElementById("log-found");
    if (said) said.textContent = !this.#text ? "" : !count ? "not found" : this.#place < 0 ? many : `${this.#place + 1} of ${many}`;
    if (!CSS.highlights) return;
    CSS.highlights.set("found", new Highlight(...this.#ranges));
    const current = this.#ranges[this.#place];
    CSS.highlights.set("current", new Highlight(...(current ? [current] : [])));
  }
}
