// Colours that programs write for a terminal, as classes; everything else that they write for one is left out.

const ESCAPES = /\x1b\[([0-9;:?]*)[ -/]*([@-~])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)/g;
const NAMES = ["grey", "red", "green", "yellow", "blue", "magenta", "cyan", ""];
const MARKS = { 1: "bold", 2: "dim", 3: "italic", 4: "underline" };

/** Text with escapes of a terminal, piece by piece: what one piece switches on goes on in the next. */
export class Terminal {
  #colour = "";
  #marks = new Set();
  #cut = "";

  /** Return the nodes of a piece of text. */
  nodes(piece) {
    const text = this.#whole(piece);
    const made = [];
    let from = 0;
    for (const found of text.matchAll(ESCAPES)) {
      this.#add(made, text.slice(from, found.index));
      from = found.index + found[0].length;
      if (found[2] === "m") this.#style(found[1]);
    }
    this.#add(made, text.slice(from));
    return made;
  }

  /** An escape may be cut by the end of a piece. */
  #whole(piece) {
    const text = this.#cut + piece;
    const start = text.lastIndexOf("\x1b");
    const isCut = start >= 0 && text.length - start < 40 && /^\x1b(?:\[[0-9;:?]*[ -/]*)?$/.test(text.slice(start));
    this.#cut = isCut ? text.slice(start) : "";
    return isCut ? text.slice(0, start) : text;
  }

  #add(made, text) {
    if (!text) return;
    const classes = [this.#colour, ...this.#marks].filter(Boolean);
    if (!classes.length) return made.push(document.createTextNode(text));
    const span = document.createElement("span");
    span.className = classes.join(" ");
    span.textContent = text;
    made.push(span);
  }

  #style(codes) {
    const numbers = codes.split(/[;:]/).map(Number);
    for (let place = 0; place < numbers.length; place++) {
      const code = numbers[place];
      if (code === 0) [this.#colour, this.#marks] = ["", new Set()];
      else if (MARKS[code]) this.#marks.add(MARKS[code]);
      else if (code === 22) ["bold", "dim"].forEach((one) => this.#marks.delete(one));
      else if (code === 23 || code === 24) this.#marks.delete(MARKS[code - 20]);
      else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) this.#colour = NAMES[code % 10];
      else if (code === 39) this.#colour = "";
      // One of many colours, or of a ground: the pages have none like it.
      else if (code === 38 || code === 48) place += numbers[place + 1] === 5 ? 2 : 4;
    }
  }
}
