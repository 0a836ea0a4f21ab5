"use strict";

// Follows the checklist of the set-up. It runs before copy.js, which adds to what the server
// wrote.
const page = "/setup"; // without the code of the callback
const every = 5_000; // ms; the server asks GitHub more rarely
const parts = [...document.querySelectorAll("[data-live]")];
const written = new Map(parts.map((part) => [part.id, part.innerHTML]));

const show = (fresh) => {
  for (const part of parts) {
    const now = fresh.getElementById(part.id);
    if (!now || now.innerHTML === written.get(part.id)) {
      continue;
    }
    written.set(part.id, now.innerHTML);
    const focused = part.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    part.replaceChildren(...now.childNodes);
    addCopyButtons(part);
    if (focused) {
      [...part.querySelectorAll("a")].find((link) => link.getAttribute("href") === focused)?.focus();
    }
  }
};

const follow = async () => {
  try {
    const answer = await fetch(page, { cache: "no-store" });
    if (answer.status === 403) {
      location.assign(page); // the hour is over
    } else if (answer.ok) {
      show(new DOMParser().parseFromString(await answer.text(), "text/html"));
    }
  } catch {
    // The server restarts, or the network is gone: the next time.
  }
};

history.replaceState(null, "", page);
setInterval(follow, every);
document.addEventListener("visibilitychange", () => document.hidden || follow());
