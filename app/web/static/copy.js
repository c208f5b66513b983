// Copies a line of code by a button. Where the browser has no clipboard for us (http), it selects the line instead.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  for (const button of document.querySelectorAll("[data-copy]")) {
    const code = document.getElementById(button.dataset.copy);
    const label = button.querySelector("span");
    const before = label.textContent;
    button.hidden = false;
    button.addEventListener("click", async () => {
      getSelection().selectAllChildren(code);
      try {
        await navigator.clipboard.writeText(code.textContent);
        label.textContent = "Copied";
      } catch {
        label.textContent = document.execCommand("copy") ? "Copied" : "Selected";
      }
      setTimeout(() => (label.textContent = before), 2000);
    });
  }
});
