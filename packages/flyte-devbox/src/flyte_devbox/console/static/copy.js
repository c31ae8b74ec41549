// Buttons that copy a text, or what stands behind them.

const SHOWN = 1500;

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  const sign = button.textContent;
  try {
    await navigator.clipboard.writeText(button.dataset.copy || button.nextElementSibling.textContent);
    button.textContent = "copied";
  } catch {
    button.textContent = "refused";
  }
  setTimeout(() => (button.textContent = sign), SHOWN);
});
