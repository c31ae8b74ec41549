// The form that starts a run: what the server refuses is said beside the field.
import { call } from "./fetching.js";

const form = document.getElementById("start");
const fields = [...form.querySelectorAll("[name]")];
const button = form.querySelector("button");
const problem = document.getElementById("problem");

const noteOf = (field) => document.getElementById(field.id.replace("field-", "problem-"));

function say(field, text) {
  noteOf(field).textContent = text;
  if (text) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  button.disabled = true;
  problem.textContent = "";
  for (const field of fields) say(field, "");
  const values = Object.fromEntries(fields.filter((field) => !field.disabled).map((field) => [field.name, field.value]));
  try {
    const { path } = await call(form.dataset.address, { version: form.dataset.version, values });
    location.assign(path);
  } catch (error) {
    const problems = error.answer?.problems ?? {};
    const wrong = fields.filter((field) => field.name in problems);
    for (const field of wrong) say(field, problems[field.name]);
    if (wrong.length) wrong[0].focus();
    else problem.textContent = error.message;
    button.disabled = false;
  }
});
// Coming back to the page, the form can be used again.
addEventListener("pageshow", () => (button.disabled = false));
document.documentElement.dataset.ready = "";
