// Times and durations as a person reads them, kept true while a page is open.

/** Say in each `time` element how long ago it is, or how soon; when pointed at, the time itself: here, and in UTC. */
export function dressTimes(root) {
  for (const element of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(element.dateTime);
    element.title = `${moment.toLocaleString()} (${element.dateTime.replace("T", " ").replace("Z", " UTC")})`;
    const text = ago((Date.now() - moment) / 1000);
    if (element.textContent !== text) element.textContent = text;
  }
}

/** Say in each element with `data-since` how long that is by now. */
function tick() {
  if (document.hidden) return;
  for (const element of document.querySelectorAll("[data-since]")) element.textContent = took(Date.now() / 1000 - element.dataset.since);
}

setInterval(tick, 1000);
setInterval(() => document.hidden || dressTimes(document), 5000);
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  tick();
  dressTimes(document);
});

const UNITS = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];

/** Write how long ago something was, in one unit. */
export function ago(seconds) {
  const size = Math.abs(seconds);
  if (size < 5) return "just now";
  const [unit, length] = UNITS.find((one) => size >= one[1]);
  const text = `${Math.floor(size / length)} ${unit}`;
  return seconds < 0 ? `in ${text}` : `${text} ago`;
}

/** Write seconds as a person reads them. */
export function took(seconds) {
  const whole = Math.max(0, seconds);
  if (whole < 0.9995) return `${(whole * 1000).toFixed(0)} ms`;
  if (whole < 60) return `${whole.toFixed(1)} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${Math.floor(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
