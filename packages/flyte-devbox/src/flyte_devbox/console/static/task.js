// The page of a task: the form that starts a run of it, and its runs as they come.
import "./copy.js";
import "./form.js";
import "./list.js";
import { dressTimes } from "./times.js";

dressTimes(document);
