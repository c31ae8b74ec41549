// Reads a server stream of the Connect protocol in JSON: five bytes of flags and length, then a message.

/**
 * Yield the messages of a stream; returns when the server ends it, throws when it is cut.
 * @param {string} path such as "/flyteidl2.workflow.RunService/WatchActions"
 * @param {object} request its one request
 * @param {AbortSignal} signal ends it
 */
export async function* stream(path, request, signal) {
  const content = new TextEncoder().encode(JSON.stringify(request));
  const body = new Uint8Array(5 + content.length);
  new DataView(body.buffer).setUint32(1, content.length);
  body.set(content, 5);
  const headers = { "content-type": "application/connect+json", "connect-protocol-version": "1" };
  const response = await fetch(path, { method: "POST", headers, body, signal });
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  const reader = response.body.getReader();
  let buffer = new Uint8Array(0);
  for (;;) {
    const { done, value } = await reader.read();
    if (done) throw new Error("the stream was cut");
    const joined = new Uint8Array(buffer.length + value.length);
    joined.set(buffer);
    joined.set(value, buffer.length);
    buffer = joined;
    while (buffer.length >= 5) {
      const size = new DataView(buffer.buffer, buffer.byteOffset).getUint32(1);
      if (buffer.length < 5 + size) break;
      const message = JSON.parse(new TextDecoder().decode(buffer.subarray(5, 5 + size)));
      const isEnd = (buffer[0] & 2) !== 0;
      buffer = buffer.slice(5 + size);
      if (isEnd) {
        if (message.error) throw Object.assign(new Error(message.error.message ?? ""), { code: message.error.code });
        return;
      }
      yield message;
    }
  }
}

/** Wait, in milliseconds. */
export const pause = (time) => new Promise((resolve) => setTimeout(resolve, time));

/** Call `work` soon after the first of many calls, and once more when calls came meanwhile. */
export function throttled(work, time) {
  let due = false;
  let running = false;
  const run = async () => {
    running = true;
    while (due) {
      due = false;
      try {
        await work();
      } catch (error) {
        console.debug(error);
      }
      await pause(time);
    }
    running = false;
  };
  return () => {
    due = true;
    if (!running) void run();
  };
}

/** Replace the content of an element by the elements of a page's fragment. */
export async function refresh(element, address, signal) {
  const response = await fetch(address, { signal });
  if (!response.ok) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  return page.body;
}
