"use strict";

// Swagger UI has a dark theme; the system says which one is wanted.
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const theme = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", theme);
theme();

// What Swagger UI leaves without a name, a level or a place, for those who listen
// to a page. A function tells it from the element.
const attributes = {
  "#servers": { "aria-label": "Server" },
  "select.content-type": { "aria-label": "Media type" },
  "select.examples-select-element": { "aria-label": "Example" },
  ".json-schema-form-item input": { "aria-label": (input) => input.closest("[data-param-name]")?.dataset.paramName ?? "Item" },
  ".parameters select": { "aria-label": (select) => select.closest("[data-param-name]")?.dataset.paramName ?? "Value" },
  "textarea.body-param__text": { "aria-label": "Body" },
  "textarea.curl": { "aria-label": "Command line" },
  ".microlight": { tabindex: "0" }, // it scrolls
  ".information-container": { role: "region", "aria-label": "About" },
  ".schemes-server-container": { role: "region", "aria-label": "Access" },
  ".opblock-tag": { "aria-level": "2" },
  ".opblock-body h4": { "aria-level": "3" },
  ".opblock-body h5": { "aria-level": "4" },
  ".responses-table[role=region]": { "aria-label": (table) => `Responses of ${table.closest(".opblock").querySelector("[data-path]").dataset.path}` },
  ".modal-ux": { role: "dialog", "aria-modal": "true", "aria-label": "Available authorizations" },
  ".modal-ux h3": { "aria-level": "2" },
  ".modal-ux h4": { "aria-level": "3" },
  ".close-modal": { "aria-label": "Close" },
};
const describe = () => {
  for (const [selector, wanted] of Object.entries(attributes)) {
    for (const element of document.querySelectorAll(selector)) {
      for (const [name, value] of Object.entries(wanted)) {
        if (!element.hasAttribute(name)) {
          element.setAttribute(name, typeof value === "function" ? value(element) : value);
        }
      }
    }
  }
  // Its name must be what stands on it.
  document.querySelector(".modal-btn.authorize")?.removeAttribute("aria-label");
};
new MutationObserver(describe).observe(document.body, { childList: true, subtree: true });

// A link within a button is one target too many.
const plainPaths = ({ React }) => ({
  components: { DeepLink: ({ text }) => React.createElement("span", null, text) },
});

// documented leaves out the other ways to call a command: each is shown once.
const documented = (description) => {
  for (const [path, operations] of Object.entries(description.paths)) {
    const kept = Object.entries(operations).filter(([, { operationId, deprecated }]) => !deprecated && path.endsWith(`/${operationId}`));
    if (kept.length) {
      description.paths[path] = Object.fromEntries(kept);
    } else {
      delete description.paths[path];
    }
  }
  description.info.description += "\n\nAll of it for programs: [openapi.json](/openapi.json).";
  return description;
};

const draw = (description) => SwaggerUIBundle({
  dom_id: "#reference",
  spec: documented(description),
  plugins: [plainPaths],
  validatorUrl: null, // nothing is sent to another host
  deepLinking: true,
  defaultModelsExpandDepth: -1,
  displayRequestDuration: true,
  persistAuthorization: false, // a token stays in this page's memory
  syntaxHighlight: false,
  tryItOutEnabled: true,
});

fetch("/openapi.json").then((answer) => answer.json()).then(draw);
