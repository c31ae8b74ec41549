// Keeps a list up to date, and its filters in the address.
import { follow } from "./events.js";
import { elements, fragment, slashFocuses, throttled } from "./fetching.js";
import { say } from "./notices.js";
import { note, renew } from "./rows.js";
import { dressTimes } from "./times.js";

const list = document.getElementById("list");
const form = document.getElementById("filters");
/** What stands around its rows: they, and the way to older ones, are others each time. */
const frameOf = (root) => root.innerHTML.replace(/<tbody>.*<\/tbody>|<nav class="pager".*?<\/nav>/gs, (part) => part.slice(0, 4));
let frame = frameOf(list);
let last = "";

async function load() {
  const asked = location.search;
  const query = new URLSearchParams(asked);
  query.set("fragment", "1");
  try {
    const text = await fragment(`${location.pathname}?${query}`);
    if (asked === location.search) show(text);
    say("list");
    return false;
  } catch (error) {
    say("list", error.message);
    return error.isPassing;
  }
}

function show(text) {
  if (text === last) return;
  last = text;
  const places = () => [...list.querySelectorAll("a, button")];
  const focused = places().indexOf(document.activeElement);
  const name = document.activeElement?.textContent;
  const fresh = document.createElement("div");
  fresh.append(...elements(text));
  note(fresh);
  const before = frame;
  frame = frameOf(fresh);
  const body = list.querySelector("tbody");
  if (body && frame === before) {
    renew(body, [...fresh.querySelectorAll("tbody tr")]);
    list.querySelector(".pager")?.replaceWith(fresh.querySelector(".pager"));
  } else list.replaceChildren(...fresh.childNodes);
  dressTimes(list);
  // What had the focus keeps it where it still is: by its name, else by its place.
  if (focused < 0 || list.contains(document.activeElement)) return;
  (places().find((one) => one.textContent === name && one.href) ?? places()[focused])?.focus();
}

/** Fetch the list again, soon. */
export const update = throttled(load, 500);

/** Show what the filters say, without a page of its own. */
function filter() {
  const query = new URLSearchParams([...new FormData(form)].filter(([, text]) => text));
  history.replaceState(null, "", `${location.pathname}${query.size ? `?${query}` : ""}`);
  // The other parts are then about the same project.
  const scope = query.get("scope");
  for (const link of document.querySelectorAll("header nav a")) link.search = scope ? `?${new URLSearchParams({ scope })}` : "";
  update();
}

if (form) {
  let timer = 0;
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(filter, 200);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    filter();
  });
  const search = form.querySelector("input[type=search]");
  if (search) slashFocuses(search);
}

note(list);
dressTimes(list);
follow(list.dataset.topics.split(" "), update);
document.documentElement.dataset.ready = "";
