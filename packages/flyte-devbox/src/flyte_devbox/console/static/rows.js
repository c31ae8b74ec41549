// Brings a table up to date row by row: what has not changed is left alone, with what is selected in it or pointed at.
import { lasting } from "./fetching.js";

/** What the server has said of a row; how it is shown changes. */
const said = new WeakMap();

/** Note the rows of a table as the server has rendered them, before anything else is done to them. */
export function note(root) {
  for (const row of root.querySelectorAll("tbody tr")) said.set(row, lasting(row.outerHTML));
}

/**
 * Put rows in the place of those of a table.
 * @param {HTMLTableSectionElement} body
 * @param {HTMLTableRowElement[]} rows as `note` has seen them
 */
export function renew(body, rows) {
  const known = new Map([...body.rows].map((row) => [said.get(row), row]));
  let at = body.rows[0];
  for (const row of rows) {
    const same = known.get(said.get(row));
    if (at && same?.parentNode === body && same.rowIndex >= at.rowIndex) {
      while (at !== same) at = removed(at);
      at = at.nextElementSibling;
    } else body.insertBefore(row, at ?? null);
  }
  while (at) at = removed(at);
}

function removed(row) {
  const next = row.nextElementSibling;
  row.remove();
  return next;
}
