// Keeps the page of a run up to date: the tree and the action that is shown as they change, the log as it is written.
import { onCommand } from "./commands.js";
import "./copy.js";
import { follow } from "./events.js";
import { elements, fragment, lasting, slashFocuses, throttled } from "./fetching.js";
import { Log } from "./log.js";
import { say } from "./notices.js";
import { dressTimes } from "./times.js";
import { ActionTree } from "./tree.js";

const main = document.getElementById("content");
const { org, project, domain, name } = main.dataset;
const address = location.pathname.replace(/\/$/, "");
const scope = `${project}/${domain}/${name}`;
const log = new Log(address);
const search = document.getElementById("search");

const asked = () => {
  const query = new URLSearchParams(location.search);
  return { selected: query.get("i") ?? main.dataset.selected, attempt: query.get("attempt") ?? "" };
};

let { selected, attempt } = asked();
let last = "";

const tree = new ActionTree(document.getElementById("tree"), address, selected, (action) => go(action));

/** Show an action, and the log of one of its attempts, the last one if none is named. */
function go(action, number = "") {
  [selected, attempt] = [action, number];
  history.pushState(null, "", `?${query()}`);
  void loadNow();
}

function query() {
  const fields = new URLSearchParams({ i: selected });
  if (attempt) fields.set("attempt", attempt);
  return fields;
}

const key = (element) => `${element.dataset.action}/${element.dataset.attempt}`;

/** Show the action, but leave the log, which is written to, where it is. Gives true if it is to be tried again. */
async function load() {
  const wanted = query().toString();
  const isWanted = () => wanted === query().toString();
  try {
    const text = await fragment(`${address}?fragment=1&${wanted}`);
    if (!isWanted()) return false;
    show(text, wanted);
  } catch (error) {
    if (!isWanted()) return false;
    say("detail", error.message);
    return error.isPassing;
  }
  say("detail");
  watch();
  await log.load();
  return false;
}

/** Show the action without waiting for what is under way. */
const loadNow = async () => (await load()) && update();

function show(text, wanted) {
  // Addresses of reports and files are other ones each time.
  const core = lasting(text).replace(/(<(?:iframe|a)[^>]* (?:src|href)="[^"?]*\?)[^"]*/g, "$1");
  if (core !== last) {
    last = core;
    const [head, fresh] = elements(text);
    const now = document.getElementById("log");
    const next = fresh.querySelector("#log");
    const focused = document.activeElement;
    const scrolled = now?.scrollTop;
    const isSame = document.getElementById("detail").dataset.shown === wanted;
    fresh.dataset.shown = wanted;
    if (now && next && key(now) === key(next)) {
      // With what is typed into its search, and how far it is scrolled.
      fresh.querySelector("#log-section").replaceWith(document.getElementById("log-section"));
    }
    if (isSame && document.getElementById("traceback")?.open) fresh.querySelector("#traceback")?.setAttribute("open", "");
    document.getElementById("run").replaceWith(head);
    document.getElementById("detail").replaceWith(fresh);
    document.title = document.title.replace(/^.*(?= - )/, () => head.dataset.title);
    // What is moved to another place loses both.
    if (now?.isConnected) now.scrollTop = scrolled;
    if (focused?.isConnected) focused.focus({ preventScroll: true });
    else if (focused?.dataset?.command) document.querySelector(`[data-command="${focused.dataset.command}"]`)?.focus();
    dressTimes(document);
  }
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
  ({ selected, attempt } = asked());
  tree.show(selected);
  void loadNow();
});

// Links between actions and attempts stay on the page.
main.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-go], a[data-attempt]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  if (link.dataset.attempt) return go(selected, link.dataset.attempt);
  go(link.dataset.go);
  tree.show(selected);
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

document.getElementById("detail").dataset.shown = query();
dressTimes(document);
tree.element.focus({ preventScroll: true });
watch();
void log.load();
document.documentElement.dataset.ready = "";
