// Keeps a list up to date, and its filters in the address.
import { follow } from "./events.js";
import { elements, fragment, slashFocuses, throttled } from "./fetching.js";
import { dressTimes } from "./times.js";

const list = document.getElementById("list");
const form = document.getElementById("filters");
let last = "";

async function load() {
  const query = new URLSearchParams(location.search);
  query.set("fragment", "1");
  const text = await fragment(`${location.pathname}?${query}`);
  if (text === last) return;
  last = text;
  const places = () => [...list.querySelectorAll("a, button")];
  const focused = places().indexOf(document.activeElement);
  const name = document.activeElement?.textContent;
  list.replaceChildren(...elements(text));
  dressTimes(list);
  // What had the focus keeps it where it still is: by its name, else by its place.
  if (focused >= 0) (places().find((one) => one.textContent === name && one.href) ?? places()[focused])?.focus();
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

dressTimes(list);
follow(list.dataset.topics.split(" "), update);
document.documentElement.dataset.ready = "";
