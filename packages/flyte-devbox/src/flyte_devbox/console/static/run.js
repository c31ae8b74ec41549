// Keeps the page of a run up to date: the tree and the action that is shown as they change, the log as it is written.
import { onCommand } from "./commands.js";
import { follow } from "./events.js";
import { dressTimes, elements, fragment, slashFocuses, throttled } from "./fetching.js";
import { Log } from "./log.js";
import { ActionTree } from "./tree.js";

const main = document.getElementById("content");
const { org, project, domain, name } = main.dataset;
const address = location.pathname.replace(/\/$/, "");
const scope = `${project}/${domain}/${name}`;
const log = new Log(address);
const search = document.getElementById("search");

let selected = new URLSearchParams(location.search).get("i") ?? main.dataset.selected;
let last = "";

const tree = new ActionTree(document.getElementById("tree"), address, selected, (action) => {
  selected = action;
  history.pushState(null, "", `?i=${encodeURIComponent(action)}`);
  void load();
});

const key = (element) => `${element.dataset.action}/${element.dataset.attempt}`;
const path = (link) => new URL(link, location.href).pathname;

/** Show the action, but leave the log, which is written to, where it is. */
async function load() {
  const asked = selected;
  const text = await fragment(`${address}?fragment=1&i=${encodeURIComponent(asked)}`);
  if (asked !== selected) return;
  // The address of a report is another one each time.
  const core = text.replace(/(<iframe[^>]* src=")[^"]*/, "$1");
  if (core !== last) {
    last = core;
    const fresh = elements(text)[0];
    const now = document.getElementById("log");
    const next = fresh.querySelector("#log");
    if (now && next && key(now) === key(next)) {
      fresh.querySelector("#earlier").replaceWith(document.getElementById("earlier"));
      next.replaceWith(now);
    }
    const report = document.querySelector("#detail iframe");
    const other = fresh.querySelector("iframe");
    if (report && other && path(report.src) === path(other.src)) other.src = report.src;
    const focused = document.activeElement?.dataset?.command;
    document.getElementById("detail").replaceWith(fresh);
    if (focused) fresh.querySelector(`[data-command="${focused}"]`)?.focus();
    dressTimes(fresh);
  }
  watch();
  await log.load();
}

function watch() {
  follow([`run/${scope}`, ...log.topic(scope)], (changed) => {
    if (changed.includes(`run/${scope}`)) {
      update();
      grow();
    }
    if (changed.some((topic) => topic.startsWith("log/"))) void log.load();
  });
}

const update = throttled(load, 400);
const grow = throttled(() => tree.refresh(), 400);

addEventListener("popstate", () => {
  selected = new URLSearchParams(location.search).get("i") ?? main.dataset.selected;
  tree.show(selected);
  void load();
});

let timer = 0;
search.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(() => tree.search(search.value), 150);
});
search.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && search.value) {
    search.value = "";
    tree.search("");
  } else if (event.key === "Escape" || event.key === "Enter" || event.key === "ArrowDown") tree.element.focus();
  else return;
  event.preventDefault();
});
slashFocuses(search);
onCommand({ runId: { org, project, domain, name }, address, changed: () => (update(), grow()) });

dressTimes(document);
tree.element.focus({ preventScroll: true });
watch();
void log.load();
document.documentElement.dataset.ready = "";
