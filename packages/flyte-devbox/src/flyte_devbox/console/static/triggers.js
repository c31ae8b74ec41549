// Switches triggers on and off, and starts them now.
import { confirm } from "./commands.js";
import { call } from "./fetching.js";
import { update } from "./list.js";

const SERVICE = "/flyteidl2.trigger.TriggerService/UpdateTriggers";
const list = document.getElementById("list");

const nameOf = ({ org, project, domain, task, trigger }) => ({ org, project, domain, taskName: task, name: trigger });

function change(button, active) {
  button.disabled = true;
  call(SERVICE, { names: [nameOf(button.dataset)], active })
    .then(update)
    .catch((error) => {
      button.disabled = false;
      confirm({ title: "That did not work", text: error.message, button: "Close", act: async () => {} });
    });
}

const commands = {
  activate: (button) => change(button, true),
  deactivate: (button) => change(button, false),
  "run-trigger": ({ dataset }) =>
    confirm({
      title: `Run ${dataset.trigger} now?`,
      text: `A run of ${dataset.task} with the inputs of the trigger.`,
      button: "Run now",
      act: () =>
        call("/flyteidl2.workflow.RunService/CreateRun", {
          projectId: { organization: dataset.org, name: dataset.project, domain: dataset.domain },
          triggerName: nameOf(dataset),
          source: "RUN_SOURCE_WEB",
        }),
      done: ({ run }) => {
        const { domain, project, name } = run.action.id.run;
        location.assign(["/v2/domain", domain, "project", project, "runs", name].map((part, place) => (place ? encodeURIComponent(part) : part)).join("/"));
      },
    }),
};

list.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-command]");
  commands[button?.dataset.command]?.(button);
});
