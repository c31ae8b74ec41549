// What somebody may do to a run: abort it or an action, signal a condition, run it again. Each is confirmed first.
import { call } from "./fetching.js";

const SERVICE = "/flyteidl2.workflow.RunService";

/**
 * Carry out the commands of buttons with `data-command`.
 * @param {{runId: object, address: string, changed: () => void}} page whose they are
 */
export function onCommand({ runId, address, changed }) {
  const commands = {
    "abort-run": () =>
      confirm({
        title: `Abort run ${runId.name}?`,
        text: "Everything of it that is not over is ended.",
        fields: [{ name: "reason", label: "Reason", value: "" }],
        button: "Abort run",
        act: ({ reason }) => call(`${SERVICE}/AbortRun`, { runId, reason }),
        done: changed,
      }),
    "abort-action": ({ action }) =>
      confirm({
        title: `Abort action ${action}?`,
        text: "It and all below it are ended; what called it gets an error.",
        fields: [{ name: "reason", label: "Reason", value: "" }],
        button: "Abort action",
        act: ({ reason }) => call(`${SERVICE}/AbortAction`, { actionId: { run: runId, name: action }, reason }),
        done: changed,
      }),
    signal: ({ action, name, prompt, kind }) =>
      confirm({
        title: `Signal ${name}`,
        text: prompt,
        fields: [{ name: "value", label: `Value (${kind})`, kind }],
        button: "Signal",
        act: ({ value }) => call(`${SERVICE}/SignalEvent`, { actionId: { run: runId, name: action }, payload: payload(kind, value) }),
        done: changed,
      }),
    rerun: ({ shell }) =>
      confirm({
        title: `Run ${runId.name} again?`,
        text: `A new run of the same task with the same inputs; on the command line:\n${shell}`,
        button: "Rerun",
        act: () => call(`${address}/rerun`, {}),
        done: ({ path }) => location.assign(path),
      }),
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-command]");
    commands[button?.dataset.command]?.(button.dataset);
  });
}

/** The value of a signal as the protocol writes it; whole numbers stay text, which loses no digit. */
function payload(kind, text) {
  if (kind === "bool") return { boolValue: text === "true" };
  if (kind === "int") {
    if (!/^[+-]?\d+$/.test(text.trim())) throw new Error(`\`${text}\` is no whole number`);
    return { intValue: text.trim().replace(/^\+/, "") };
  }
  if (kind === "float") {
    if (text.trim() === "" || Number.isNaN(Number(text))) throw new Error(`\`${text}\` is no number`);
    return { floatValue: Number(text) };
  }
  return { stringValue: text };
}

/** Ask before something is done; a refusal is shown where it was asked for. */
export function confirm({ title, text, fields = [], button, act, done }) {
  const make = (tag, properties = {}, ...inside) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...inside);
    return element;
  };
  const inputs = fields.map(({ name, label, kind, value }) => {
    const choices = ["true", "false"].map((one) => make("option", { value: one, textContent: one }));
    const input = kind === "bool" ? make("select", { name }, ...choices) : make("input", { name, value: value ?? "", autocomplete: "off" });
    if (kind === "int" || kind === "float") input.inputMode = "decimal";
    return make("label", {}, label, input);
  });
  const problem = make("p", { className: "bad" });
  problem.setAttribute("role", "alert");
  const cancel = make("button", { type: "button", textContent: "Cancel" });
  const go = make("button", { className: "primary", textContent: button });
  const form = make("form", {}, make("h2", { textContent: title, id: "dialog-title" }), make("p", { textContent: text ?? "" }));
  form.append(...inputs, problem, make("p", { className: "commands" }, go, cancel));
  const dialog = make("dialog", {}, form);
  dialog.setAttribute("aria-labelledby", "dialog-title");
  const before = document.activeElement;
  dialog.addEventListener("close", () => {
    dialog.remove();
    before?.focus?.();
  });
  cancel.addEventListener("click", () => dialog.close());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    go.disabled = true;
    problem.textContent = "";
    try {
      const answer = await act(Object.fromEntries(new FormData(form)));
      dialog.close();
      done?.(answer);
    } catch (error) {
      problem.textContent = error.message;
      go.disabled = false;
    }
  });
  document.body.append(dialog);
  dialog.showModal();
}
