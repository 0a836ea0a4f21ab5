// Keeps an issue's page up to date: whenever the server says that something
// changed, the page is fetched anew and its moving parts are replaced. Without
// this script the page still works; it only has to be reloaded by hand.
"use strict";

const parts = ["thread", "side"].map((id) => document.getElementById(id));
const shown = new Map(parts.map((p) => [p, p && p.innerHTML]));
const form = document.getElementById("write");

function localTimes() {
  for (const t of document.querySelectorAll("time")) {
    const when = new Date(t.dateTime);
    t.textContent = when.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
    t.title = when.toLocaleString();
  }
}

function atBottom() {
  return window.innerHeight + window.scrollY > document.body.scrollHeight - 200;
}

let fetching = false;
let again = false;
async function refresh() {
  if (fetching) {
    again = true;
    return;
  }
  fetching = true;
  try {
    const answer = await fetch(location.pathname, { cache: "no-store" });
    if (answer.ok) {
      show(new DOMParser().parseFromString(await answer.text(), "text/html"));
    }
  } catch {
    // The server is away; the next event comes when it is back.
  }
  fetching = false;
  if (again) {
    again = false;
    refresh();
  }
}

function show(page) {
  const known = new Set([...document.querySelectorAll("article[id]")].map((a) => a.id));
  const follow = atBottom();
  for (const part of parts) {
    const now = page.getElementById(part.id);
    if (shown.get(part) !== now.innerHTML) {
      shown.set(part, now.innerHTML);
      part.replaceChildren(...now.childNodes);
    }
  }
  localTimes();
  for (const a of document.querySelectorAll("article[id]")) {
    if (!known.has(a.id)) {
      a.classList.add("fresh");
      if (follow) {
        form.scrollIntoView({ block: "end" });
      }
    }
  }
}

localTimes();
if (form) {
  const body = form.elements.body;
  const as = form.elements.as;
  as.value = sessionStorage.getItem("as") || as.value;
  if (as.selectedIndex < 0) {
    as.selectedIndex = 0;
  }
  as.addEventListener("change", () => sessionStorage.setItem("as", as.value));

  for (const b of form.querySelectorAll("[data-text]")) {
    b.addEventListener("click", () => {
      body.value = b.dataset.text;
      body.focus();
    });
  }
  body.addEventListener("keydown", (e) => {
    if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) {
      form.requestSubmit();
    }
  });
  form.addEventListener("submit", async (e) => {
    e.preventDefault();
    const data = new URLSearchParams(new FormData(form));
    const answer = await fetch(form.action, { method: "POST", body: data, redirect: "manual" });
    if (answer.type === "opaqueredirect") {
      body.value = "";
      refresh();
    } else {
      alert(await answer.text());
    }
  });

  const events = new EventSource(location.pathname + "/live");
  let last = document.querySelector("main").dataset.version;
  events.addEventListener("message", (e) => {
    if (last !== e.data) {
      refresh();
    }
    last = e.data;
  });
}
