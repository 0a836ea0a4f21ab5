"use strict";

// Adds a button to what can be copied. Browsers have a clipboard in secure contexts only.
// data-name says what it is if that is no line that can be read out.
const addCopyButtons = (root) => {
  for (const box of navigator.clipboard ? root.querySelectorAll(".copy") : []) {
    const text = box.querySelector("code").textContent;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy";
    button.setAttribute("aria-label", `Copy ${box.dataset.name ?? text}`);
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy"), 2000);
    });
    box.append(button);
  }
};
addCopyButtons(document);
