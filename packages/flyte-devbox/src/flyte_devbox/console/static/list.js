// Keeps the list of runs up to date.
import { pause, refresh, stream, throttled } from "./stream.js";

const list = document.getElementById("runs");
const update = throttled(async () => {
  const body = await refresh(list, "/?fragment=1");
  if (body) list.replaceChildren(...body.childNodes);
}, 500);

for (;;) {
  try {
    for await (const _ of stream("/flyteidl2.workflow.RunService/WatchRuns", { org: "devbox" })) update();
  } catch (error) {
    console.debug(error);
  }
  await pause(2000);
}
