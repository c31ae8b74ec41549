// Keeps the page of a run up to date: the tree and the details as they change, the log as it is written.
import { pause, refresh, stream, throttled } from "./stream.js";

const main = document.getElementById("run");
const run = { org: main.dataset.org, project: main.dataset.project, domain: main.dataset.domain, name: main.dataset.name };
const service = main.dataset.is_tracked === "1" ? "TrackedRunService" : "RunService";
const MOST_LINES = 5000;

let selected = new URLSearchParams(location.search).get("i");
let log = { key: "", stop: new AbortController() };

/** Show what has changed, but leave the log, which is written to, where it is. */
function show(body) {
  const tree = document.getElementById("tree");
  const scroll = tree.scrollTop;
  tree.replaceWith(body.querySelector("#tree"));
  document.getElementById("tree").scrollTop = scroll;
  const fresh = body.querySelector("#detail");
  const now = document.getElementById("log");
  const next = fresh.querySelector("#log");
  if (now && next && key(now) === key(next)) next.replaceWith(now);
  const report = document.querySelector("#detail iframe");
  const other = fresh.querySelector("iframe");
  if (report && other && path(report.src) === path(other.src)) other.replaceWith(report);
  document.getElementById("detail").replaceWith(fresh);
  follow();
}

const key = (element) => `${element.dataset.action}/${element.dataset.attempt}`;
const path = (address) => new URL(address, location.href).pathname;

const update = throttled(async () => {
  const chosen = selected ? `&i=${encodeURIComponent(selected)}` : "";
  const body = await refresh(main, `${location.pathname}?fragment=1${chosen}`);
  if (body?.querySelector("#tree")) show(body);
}, 400);

/** Follow the log of the attempt that is shown. */
async function follow() {
  const element = document.getElementById("log");
  if (!element || log.key === key(element)) return;
  log.stop.abort();
  const mine = (log = { key: key(element), stop: new AbortController() });
  const request = { actionId: { run, name: element.dataset.action }, attempt: Number(element.dataset.attempt) };
  while (log === mine) {
    element.textContent = "";
    try {
      let lines = 0;
      for await (const message of stream("/flyteidl2.dataproxy.DataProxyService/TailLogs", request, mine.stop.signal)) {
        const text = (message.logs ?? []).flatMap((one) => one.lines ?? []).map((line) => line.message ?? "");
        const isAtEnd = element.scrollTop + element.clientHeight >= element.scrollHeight - 4;
        element.append(text.join(""));
        lines += text.length;
        while (element.childNodes.length > 1 && lines > MOST_LINES) {
          lines -= element.firstChild.textContent.split("\n").length - 1;
          element.firstChild.remove();
        }
        if (isAtEnd) element.scrollTop = element.scrollHeight;
      }
      return;
    } catch (error) {
      if (error.code === "not_found" || error.name === "AbortError") return;
    }
    await pause(2000);
  }
}

main.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-action]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  selected = link.dataset.action;
  history.pushState(null, "", `?i=${encodeURIComponent(selected)}`);
  update();
});
addEventListener("popstate", () => {
  selected = new URLSearchParams(location.search).get("i");
  update();
});

void follow();
for (;;) {
  try {
    for await (const _ of stream(`/flyteidl2.workflow.${service}/WatchActions`, { runId: run })) update();
    update();
    break;
  } catch (error) {
    console.debug(error);
  }
  await pause(2000);
}
