// Short requests, and work that is not done more often than needed. What goes wrong is said in words that a page can show.

/** Wait, in milliseconds. */
export const pause = (time) => new Promise((resolve) => setTimeout(resolve, time));

/** How long to wait before the next try, in milliseconds: the longer the more have failed, and not all pages at once. */
export const growing = (failures) => Math.min(500 * 2 ** failures, LONGEST_PAUSE) * (0.75 + Math.random() / 2);

/**
 * Call `work` soon after the first of many calls, and once more when calls came meanwhile; between two times is a pause, which
 * is longer when the work takes long. Work that gives true has failed for now, and is tried again.
 */
export function throttled(work, time) {
  let due = false;
  let running = false;
  const run = async () => {
    running = true;
    let failures = 0;
    while (due) {
      due = false;
      const began = performance.now();
      let hasFailed = false;
      try {
        hasFailed = await work();
      } catch (error) {
        console.error(error);
      }
      failures = hasFailed ? failures + 1 : 0;
      if (hasFailed) due = true;
      await pause(hasFailed ? growing(failures) : Math.max(time, 3 * (performance.now() - began)));
    }
    running = false;
  };
  return () => {
    due = true;
    if (!running) void run();
  };
}

const LONGEST_PAUSE = 5000;
const SILENT = "The devbox does not answer.";
const STRANGER = "This devbox does not know your browser any more: `flyte status devbox` prints a link that it will know it by.";

/** Say why an answer is none, as far as its status tells; empty if it does not. */
export const reason = (status) => (status === 401 ? STRANGER : "");

async function send(address, options) {
  try {
    const response = await fetch(address, options);
    return { ok: response.ok, status: response.status, text: await response.text() };
  } catch {
    // It may be about to start, and browsers give requests up when a network of the machine comes or goes.
    throw Object.assign(new Error(SILENT), { isPassing: true });
  }
}

const refusal = (status, message) => reason(status) || message || `The devbox answered ${status}.`;

/** Ask for JSON, sending some; throws an `Error` with the server's message, its answer as `answer`, and whether that passes as `isPassing`. */
export async function call(address, message) {
  const body = message === undefined ? undefined : JSON.stringify(message);
  const headers = body === undefined ? {} : { "content-type": "application/json" };
  const { ok, status, text } = await send(address, { method: body === undefined ? "GET" : "POST", headers, body });
  if (ok) return JSON.parse(text);
  const answer = text.startsWith("{") ? JSON.parse(text) : {};
  throw Object.assign(new Error(refusal(status, answer.message)), { answer });
}

/** Ask for a piece of a page as text; throws an `Error` with what the server says instead. */
export async function fragment(address) {
  const { ok, status, text } = await send(address);
  if (!ok) throw new Error(refusal(status, parse(text).querySelector("main p")?.textContent));
  return text;
}

const parse = (text) => new DOMParser().parseFromString(text, "text/html").body;

/** Make elements of a piece of a page that the server has rendered. */
export const elements = (text) => [...parse(text).childNodes];

/** Leave out of a piece of a page what its scripts keep true by themselves: how long something has been going on. */
export const lasting = (text) => text.replace(/(<span data-since="[^"]*">)[^<]*/g, "$1");

/** Bring the search field under the key `/`. */
export function slashFocuses(input) {
  addEventListener("keydown", (event) => {
    const isTyping = event.target.closest?.("input, textarea, select, dialog[open]");
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isTyping) return;
    event.preventDefault();
    input.focus();
    input.select();
  });
}
