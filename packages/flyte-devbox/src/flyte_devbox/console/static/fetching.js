// Short requests, and work that is not done more often than needed.

/** Wait, in milliseconds. */
export const pause = (time) => new Promise((resolve) => setTimeout(resolve, time));

/**
 * Call `work` soon after the first of many calls, and once more when calls came meanwhile; between two times is a pause, which
 * is longer when the work takes long.
 */
export function throttled(work, time) {
  let due = false;
  let running = false;
  const run = async () => {
    running = true;
    while (due) {
      due = false;
      const began = performance.now();
      try {
        await work();
      } catch (error) {
        console.debug(error);
      }
      await pause(Math.max(time, 3 * (performance.now() - began)));
    }
    running = false;
  };
  return () => {
    due = true;
    if (!running) void run();
  };
}

/** Ask for JSON, sending some; throws an `Error` with the server's message, and its answer as `answer`. */
export async function call(address, message, signal) {
  const body = message === undefined ? undefined : JSON.stringify(message);
  const headers = body === undefined ? {} : { "content-type": "application/json" };
  const response = await fetch(address, { method: body === undefined ? "GET" : "POST", headers, body, signal });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw Object.assign(new Error(answer.message ?? `the devbox answered ${response.status}`), { answer });
  return answer;
}

/** Ask for a piece of a page as text. */
export async function fragment(address, signal) {
  const response = await fetch(address, { signal });
  if (!response.ok) throw new Error(`the devbox answered ${response.status}`);
  return response.text();
}

/** Make elements of a piece of a page that the server has rendered. */
export const elements = (text) => [...new DOMParser().parseFromString(text, "text/html").body.childNodes];

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
