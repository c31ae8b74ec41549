// Says what is wrong with a page, in sight wherever it is scrolled to, for as long as it is wrong.

const said = new Map();

/**
 * Say what is wrong with a part of the page, or that it is right again.
 * @param {string} part
 * @param {string} [text] empty if it is right
 */
export function say(part, text = "") {
  if (text) said.set(part, text);
  else said.delete(part);
  const sign = document.getElementById("live");
  const [shown = ""] = said.values();
  if (sign && sign.textContent !== shown) sign.textContent = shown;
}
