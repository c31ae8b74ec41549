// The tree of a run's actions beside their times, for any number of them: only rows that are seen are in the page, and rows are
// fetched by the hundred when they come into sight. Children keep their places while more are made (see `console/action_rows.py`).
import { call, growing, pause } from "./fetching.js";
import { say } from "./notices.js";
import { took } from "./times.js";

const ROW = 24;
const PAGE = 100;
const MOST_PAGES = 80;
const AHEAD = 12;
const SMALL = 300;
const LEAST_ROWS = 1;
const [NAME, LABEL, , PHASE, CREATED, STARTED, ENDED, CHILDREN, GROUP] = [0, 1, 2, 3, 4, 5, 6, 7, 8];

export const PHASES = [
  "unspecified", "queued", "waiting_for_resources", "initializing", "running",
  "succeeded", "failed", "aborted", "timed_out", "paused", "recovered",
];
const OVER = new Set([5, 6, 7, 8, 10]);

/** An open action: its children, which are known page by page. `size` is how many rows are below it. */
class Branch {
  constructor(name, above, index) {
    this.name = name;
    this.above = above;
    this.index = index;
    this.size = 0;
    this.total = 0;
    /** Open children by their place. */
    this.open = [];
  }

  grow(rows) {
    for (let branch = this; branch; branch = branch.above) branch.size += rows;
  }

  setTotal(total) {
    this.grow(total - this.total);
    this.total = total;
  }

  child(index) {
    return this.open.find((one) => one.index === index);
  }

  add(index, name, total) {
    const branch = new Branch(name, this, index);
    const place = this.open.findIndex((one) => one.index > index);
    this.open.splice(place < 0 ? this.open.length : place, 0, branch);
    branch.setTotal(total);
    return branch;
  }

  remove(branch) {
    this.open.splice(this.open.indexOf(branch), 1);
    this.grow(-branch.size);
  }

  /** Say which child stands in a row below this. */
  at(row) {
    let branch = this;
    let depth = 0;
    for (;;) {
      let passed = 0;
      let next = 0;
      let inside = null;
      for (const child of branch.open) {
        const here = child.index - next + 1;
        if (row < passed + here) break;
        passed += here;
        next = child.index + 1;
        if (row < passed + child.size) {
          inside = child;
          break;
        }
        passed += child.size;
      }
      if (!inside) return { branch, index: next + row - passed, depth };
      row -= passed;
      branch = inside;
      depth += 1;
    }
  }

  /** Say in which row below the root a child of this stands. */
  rowOf(index) {
    let row = 0;
    for (let branch = this; branch; index = branch.index, branch = branch.above) {
      row += index;
      for (const child of branch.open) if (child.index < index) row += child.size;
      if (branch.above) row += 1;
    }
    return row;
  }
}

export class ActionTree {
  #branch = new Branch("", null, 0);
  #whole = this.#branch;
  #pages = new Map();
  #closed = new Set();
  #generation = 0;
  #counted = -1;
  #asking = false;
  #due = false;
  #search = "";
  #phases = new Set();
  #counts = {};
  #known = { now: 0, begin: 0, end: null, phase: 0 };
  #skew = 0;
  #active = 0;
  #way = "";
  #rows = [];
  #isDrawn = false;

  /**
   * @param {HTMLElement} element takes the rows; `#axis`, `#phases` and `#found` are beside it
   * @param {string} address of the run's page
   * @param {string} selected name of the action that is shown
   * @param {(name: string) => void} choose is called when another is chosen
   */
  constructor(element, address, selected, choose) {
    this.element = element;
    this.address = address;
    this.selected = selected;
    this.choose = choose;
    this.space = document.createElement("div");
    this.space.className = "space";
    this.space.setAttribute("role", "presentation");
    element.addEventListener("scroll", () => this.#draw(), { passive: true });
    element.addEventListener("keydown", (event) => this.#press(event));
    element.addEventListener("click", (event) => this.#click(event));
    new ResizeObserver(() => this.#draw()).observe(element);
    setInterval(() => this.#known.end === null && !document.hidden && this.#draw(), 1000);
    this.#way = selected;
    this.#ask();
  }

  /** Fetch what is seen again: something of the run has changed. Done when it is there. */
  async refresh() {
    this.#generation += 1;
    await this.#ask();
  }

  /** Show only actions whose name has a text in it. */
  search(text) {
    this.#search = text.trim();
    this.#filter();
  }

  /** Bring an action into sight, and mark it. */
  show(name) {
    this.selected = name;
    if (this.#isFiltered()) return this.#draw();
    this.#way = name;
    this.#ask();
  }

  #isFiltered() {
    return this.#search !== "" || this.#phases.size > 0;
  }

  #filter() {
    for (const key of this.#pages.keys()) if (key.startsWith("?")) this.#pages.delete(key);
    this.#branch = this.#isFiltered() ? new Branch(null, null, 0) : this.#whole;
    this.#active = 0;
    this.element.scrollTop = 0;
    if (!this.#isFiltered()) this.#way = this.selected;
    this.#generation += 1;
    this.#ask();
  }

  #key(branch, page) {
    return branch.name === null ? `?${page}` : `${branch.name}/${page}`;
  }

  #row({ branch, index }) {
    return this.#pages.get(this.#key(branch, Math.floor(index / PAGE)))?.rows[index % PAGE];
  }

  #seen() {
    const first = Math.max(0, Math.floor(this.element.scrollTop / ROW) - AHEAD);
    const count = Math.ceil(this.element.clientHeight / ROW) + 2 * AHEAD;
    return [first, Math.min(this.#branch.size, first + count)];
  }

  // --- fetching ---------------------------------------------------------------------------------------------------

  async #ask() {
    this.#due = true;
    if (this.#asking) return;
    this.#asking = true;
    let failures = 0;
    while (this.#due) {
      this.#due = false;
      const question = this.#question();
      if (!question) break;
      const { branch } = question;
      const generation = this.#generation;
      try {
        const answer = await call(`${this.address}/actions`, question.message);
        // The question may be out of date: somebody has searched for something else meanwhile.
        if (branch === this.#branch) this.#take(question, answer, generation);
        say("actions");
        failures = 0;
      } catch (error) {
        say("actions", error.message);
        await pause(growing(++failures));
      }
      this.#due = true;
    }
    this.#asking = false;
  }

  /** What is to be asked now: pages in sight that are missing or old, and the way to an action that is to be shown. */
  #question() {
    const branch = this.#branch;
    const wanted = new Map();
    const isFirst = branch.name === "" && branch.total === 0;
    const [first, last] = this.#seen();
    for (let row = first; row < last; row++) {
      const place = branch.at(row);
      const page = Math.floor(place.index / PAGE);
      const key = this.#key(place.branch, page);
      if (!wanted.has(key) && (this.#pages.get(key)?.generation ?? -1) < this.#generation) {
        wanted.set(key, { branch: place.branch, page });
      }
    }
    const isNew = this.#counted < this.#generation;
    if (!wanted.size && isNew) wanted.set(this.#key(branch, 0), { branch, page: 0 });
    const isOld = (key) => (this.#pages.get(key)?.generation ?? -1) < this.#generation;
    const pages = [...wanted].filter(([key]) => isOld(key)).slice(0, 20);
    if (!pages.length && !isNew && !this.#way) return null;
    const open = isNew ? this.#branches().slice(0, 500) : [];
    const message = {
      ranges: pages.map(([, { branch: one, page }]) => ({ parent: one.name, start: page * PAGE, count: PAGE })),
      counted: open.map((one) => one.name),
      wayTo: branch.name === null ? "" : this.#way,
      wantsPhases: isNew || isFirst,
      search: this.#search,
      phases: [...this.#phases],
    };
    return { branch, pages, open, message };
  }

  #branches() {
    const found = [];
    const left = [...this.#whole.open];
    while (left.length) {
      const branch = left.pop();
      found.push(branch);
      left.push(...branch.open);
    }
    return found;
  }

  #take({ pages, open, message }, answer, generation) {
    this.#known = answer;
    this.#skew = answer.now - Date.now() / 1000;
    if (answer.phases) {
      this.#counts = answer.phases;
      this.#counted = generation;
      this.#drawPhases();
    }
    for (const branch of open) if (branch.name in answer.counts) branch.setTotal(answer.counts[branch.name]);
    const isSmall = Object.values(this.#counts).reduce((sum, count) => sum + count, 0) <= SMALL;
    answer.ranges.forEach(({ total, rows }, number) => {
      const [key, { branch, page }] = pages[number];
      branch.setTotal(total);
      this.#pages.delete(key);
      this.#pages.set(key, { rows, generation });
      if (branch.name === null) return;
      rows.forEach((row, place) => {
        const index = page * PAGE + place;
        const child = branch.child(index);
        if (child) child.setTotal(row[CHILDREN]);
        else if (row[CHILDREN] && (isSmall || !branch.above) && !this.#closed.has(row[NAME])) {
          branch.add(index, row[NAME], row[CHILDREN]);
        }
      });
    });
    for (const key of this.#pages.keys()) {
      if (this.#pages.size <= MOST_PAGES) break;
      this.#pages.delete(key);
    }
    if (answer.way && message.wayTo === this.#way) this.#follow(answer.way);
    this.#draw();
    if (!this.#isDrawn && this.#branch.total) {
      this.#isDrawn = true;
      performance.mark("actions-drawn");
    }
  }

  /** Open what is above an action, and bring it into sight. */
  #follow(way) {
    this.#way = "";
    let branch = this.#whole;
    way.slice(0, -1).forEach(([name, index, children]) => {
      if (branch.total <= index) branch.setTotal(index + 1);
      this.#closed.delete(name);
      branch = branch.child(index) ?? branch.add(index, name, children);
    });
    const [, index] = way[way.length - 1];
    if (branch.total <= index) branch.setTotal(index + 1);
    this.#active = branch.rowOf(index);
    this.#resize();
    this.#reveal(true);
  }

  // --- drawing ----------------------------------------------------------------------------------------------------

  #resize() {
    if (this.space.parentNode !== this.element) this.element.replaceChildren(this.space);
    const height = `${this.#branch.size * ROW}px`;
    if (this.space.style.height === height) return;
    this.space.style.height = height;
    // No higher than what is in it, and its border.
    this.element.style.setProperty("--rows", `${Math.max(this.#branch.size, LEAST_ROWS) * ROW + 2}px`);
  }

  #reveal(inTheMiddle = false) {
    const top = this.#active * ROW;
    const { scrollTop, clientHeight } = this.element;
    if (top >= scrollTop && top + ROW <= scrollTop + clientHeight) return;
    if (inTheMiddle) this.element.scrollTop = top - clientHeight / 2;
    else if (top < scrollTop) this.element.scrollTop = top;
    else this.element.scrollTop = top + ROW - clientHeight;
  }

  #draw() {
    if (this.#counted < 0) return;
    this.#resize();
    const [first, last] = this.#seen();
    while (this.#rows.length < last - first) this.#rows.push(this.#newRow());
    while (this.#rows.length > Math.max(last - first, 0)) this.#rows.pop().remove();
    let isMissing = false;
    for (let row = first; row < last; row++) {
      const place = this.#branch.at(row);
      const known = this.#row(place);
      isMissing ||= !known;
      this.#fill(this.#rows[row - first], row, place, known);
    }
    const isSeen = this.#active >= first && this.#active < last;
    if (isSeen) this.element.setAttribute("aria-activedescendant", `row-${this.#active}`);
    else this.element.removeAttribute("aria-activedescendant");
    const total = Object.values(this.#counts).reduce((sum, count) => sum + count, 0);
    const words = `${total.toLocaleString("en")} ${total === 1 ? "action" : "actions"}`;
    const text = this.#isFiltered() ? `${this.#branch.total.toLocaleString("en")} of ${words}` : words;
    const found = document.getElementById("found");
    if (found.textContent !== text) found.textContent = text;
    this.#drawAxis();
    if (isMissing) this.#ask();
  }

  #newRow() {
    const row = document.createElement("a");
    row.setAttribute("role", "treeitem");
    row.tabIndex = -1;
    const part = (name) => {
      const element = document.createElement("span");
      element.className = name;
      row.append(element);
      return element;
    };
    row.parts = { twist: part("twist"), sign: part("sign"), label: part("label"), group: part("group"), time: part("took"), times: part("times") };
    row.parts.twist.setAttribute("aria-hidden", "true");
    for (const name of ["wait", "work"]) {
      row.parts[name] = document.createElement("i");
      row.parts[name].className = name;
      row.parts.times.append(row.parts[name]);
    }
    this.space.append(row);
    return row;
  }

  #fill(element, row, { branch, index, depth }, known) {
    const { twist, sign, label, group, time, wait, work } = element.parts;
    element.id = `row-${row}`;
    element.style.transform = `translateY(${row * ROW}px)`;
    element.classList.toggle("active", row === this.#active);
    element.dataset.row = row;
    element.setAttribute("aria-level", depth + 1);
    element.setAttribute("aria-posinset", index + 1);
    element.setAttribute("aria-setsize", branch.total);
    element.parts.twist.style.marginLeft = `${Math.min(depth, 12) * 12}px`;
    if (!known) {
      element.removeAttribute("href");
      delete element.dataset.action;
      label.textContent = "...";
      sign.className = "sign";
      twist.textContent = time.textContent = group.textContent = "";
      wait.style.width = work.style.width = "0";
      return;
    }
    const now = Date.now() / 1000 + this.#skew;
    const isSelected = known[NAME] === this.selected;
    element.href = `?i=${encodeURIComponent(known[NAME])}`;
    element.dataset.action = known[NAME];
    const inGroup = known[GROUP] ? `, in group ${known[GROUP]}` : "";
    element.title = `${known[NAME]}: ${PHASES[known[PHASE]].replaceAll("_", " ")}${inGroup}`;
    element.setAttribute("aria-selected", isSelected);
    if (isSelected) element.setAttribute("aria-current", "true");
    else element.removeAttribute("aria-current");
    const isOpen = branch.name !== null && Boolean(branch.child(index));
    if (known[CHILDREN] && branch.name !== null) element.setAttribute("aria-expanded", isOpen);
    else element.removeAttribute("aria-expanded");
    twist.textContent = known[CHILDREN] && branch.name !== null ? (isOpen ? "▾" : "▸") : "";
    sign.className = `sign phase ${PHASES[known[PHASE]]}`;
    sign.textContent = PHASES[known[PHASE]].replaceAll("_", " ");
    const many = known[CHILDREN] && !isOpen ? ` (${known[CHILDREN].toLocaleString("en")})` : "";
    label.textContent = known[LABEL] + many;
    group.textContent = known[GROUP];
    const end = known[ENDED] ?? (OVER.has(known[PHASE]) ? known[CREATED] : now);
    time.textContent = took(end - known[CREATED]);
    const begins = known[STARTED] ?? end;
    this.#bar(wait, known[CREATED], Math.min(begins, end), now);
    this.#bar(work, begins, end, now);
    work.className = `work ${PHASES[known[PHASE]]}`;
  }

  #span(now) {
    return Math.max(0.001, (this.#known.end ?? now) - this.#known.begin);
  }

  #bar(element, from, until, now) {
    const span = this.#span(now);
    element.style.left = `${Math.min(100, Math.max(0, ((from - this.#known.begin) / span) * 100))}%`;
    element.style.width = `${Math.min(100, Math.max(0, ((until - from) / span) * 100))}%`;
  }

  #drawAxis() {
    const axis = document.getElementById("axis");
    const span = this.#span(Date.now() / 1000 + this.#skew);
    const text = [0, 0.5, 1].map((part) => took(span * part));
    if (axis.childElementCount !== text.length) {
      axis.replaceChildren(...text.map(() => document.createElement("span")));
    }
    text.forEach((one, place) => (axis.children[place].textContent = one));
  }

  #drawPhases() {
    const group = document.getElementById("phases");
    const focused = document.activeElement?.dataset?.phase;
    const buttons = Object.entries(this.#counts).map(([number, count]) => {
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.phase = number;
      button.className = `phase ${PHASES[number]}`;
      button.textContent = `${PHASES[number].replaceAll("_", " ")} ${count.toLocaleString("en")}`;
      button.setAttribute("aria-pressed", this.#phases.has(Number(number)));
      button.addEventListener("click", () => {
        const phase = Number(number);
        if (!this.#phases.delete(phase)) this.#phases.add(phase);
        this.#filter();
      });
      return button;
    });
    group.replaceChildren(...buttons);
    if (focused) group.querySelector(`[data-phase="${focused}"]`)?.focus();
  }

  // --- what somebody does -----------------------------------------------------------------------------------------

  #toggle(row, isOpening) {
    const place = this.#branch.at(row);
    const known = this.#row(place);
    if (!known?.[CHILDREN] || place.branch.name === null) return;
    const child = place.branch.child(place.index);
    if (child && isOpening !== true) {
      place.branch.remove(child);
      this.#closed.add(known[NAME]);
    } else if (!child && isOpening !== false) {
      this.#closed.delete(known[NAME]);
      place.branch.add(place.index, known[NAME], known[CHILDREN]);
    }
    this.#draw();
    this.#ask();
  }

  #choose(row) {
    const known = this.#row(this.#branch.at(row));
    if (!known) return;
    this.#active = row;
    this.selected = known[NAME];
    this.#draw();
    this.choose(known[NAME]);
  }

  #click(event) {
    const row = event.target.closest("a[data-row]");
    if (!row || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.element.focus({ preventScroll: true });
    if (event.target.classList.contains("twist")) this.#toggle(Number(row.dataset.row));
    else this.#choose(Number(row.dataset.row));
  }

  #press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const last = this.#branch.size - 1;
    const page = Math.max(1, Math.floor(this.element.clientHeight / ROW) - 1);
    const move = (row) => {
      this.#active = Math.min(last, Math.max(0, row));
      this.#reveal();
      this.#draw();
    };
    const place = last >= 0 ? this.#branch.at(Math.min(this.#active, last)) : null;
    const keys = {
      ArrowDown: () => move(this.#active + 1),
      ArrowUp: () => move(this.#active - 1),
      PageDown: () => move(this.#active + page),
      PageUp: () => move(this.#active - page),
      Home: () => move(0),
      End: () => move(last),
      Enter: () => this.#choose(this.#active),
      " ": () => this.#choose(this.#active),
      ArrowRight: () => {
        const isOpen = place && place.branch.name !== null && place.branch.child(place.index);
        if (isOpen) move(this.#active + 1);
        else this.#toggle(this.#active, true);
      },
      ArrowLeft: () => {
        if (!place) return;
        if (place.branch.name !== null && place.branch.child(place.index)) this.#toggle(this.#active, false);
        else if (place.branch.above) move(place.branch.above.rowOf(place.branch.index));
      },
    };
    if (last < 0 || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  }
}
