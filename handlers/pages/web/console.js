"use strict";

// The console works without this script. It refreshes counts and states, and keeps a form from
// being sent twice. The buttons that copy are in copy.js.

const longest = 300; // seconds between two attempts
const source = document.querySelector("[data-live]");
const state = document.getElementById("live-state");
const said = document.getElementById("live-said");

// merge makes the element old like now. What is the same is not touched, so focus, what was
// typed and chosen, and what was opened stay.
const merge = (old, now) => {
  for (const { name, value } of now.attributes) {
    if (old.getAttribute(name) !== value) {
      old.setAttribute(name, value);
    }
  }
  for (const { name } of [...old.attributes]) {
    if (!now.hasAttribute(name) && name !== "open") {
      old.removeAttribute(name);
    }
  }
  const keep = new Set([...now.children].map((child) => child.id));
  const byID = new Map();
  for (const child of [...old.children].filter((child) => child.id)) {
    if (keep.has(child.id)) {
      byID.set(child.id, child);
    } else {
      child.remove();
    }
  }
  let at = old.firstChild;
  for (const fresh of [...now.childNodes]) {
    const same = fresh.id ? byID.get(fresh.id) : at && !at.id && at.nodeName === fresh.nodeName ? at : null;
    if (!same) {
      old.insertBefore(fresh, at);
      continue;
    }
    if (same === at) {
      at = at.nextSibling;
    } else {
      old.insertBefore(same, at);
    }
    if (same.nodeType !== Node.ELEMENT_NODE) {
      same.data = fresh.data;
    } else if (!same.isEqualNode(fresh)) {
      merge(same, fresh);
    }
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
};

// say shows what is wrong with refreshing; "" if nothing is.
const say = (text, link) => {
  state.classList.toggle("bad", text !== "");
  if (state.textContent === text + (link ?? "")) {
    return;
  }
  state.textContent = text;
  if (link) {
    const anchor = document.createElement("a");
    anchor.href = location.href;
    anchor.textContent = link;
    state.append(anchor);
  }
};

// show puts the parts of an answer into the page, and tells a screen reader what changed.
const show = (html) => {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  for (const part of fresh.querySelectorAll("body > [id]")) {
    const old = document.getElementById(part.id);
    if (!old) {
      continue;
    }
    const news = part.dataset.say;
    if (news && news !== old.dataset.say) {
      said.textContent = news;
    }
    if (!old.isEqualNode(part)) {
      merge(old, part);
      addCopyButtons(old);
    }
  }
};

const follow = () => {
  let etag = "";
  let failures = 0;
  let timer;
  let busy = false;
  let over = false;
  let last = Date.now();

  const later = (seconds) => {
    clearTimeout(timer);
    timer = setTimeout(refresh, seconds * 1000 * (0.9 + Math.random() / 5)); // not all at once
  };
  const stop = (text, link) => {
    over = true;
    clearTimeout(timer);
    say(text, link);
  };
  const failed = (wait) => {
    failures++;
    if (failures > 2) {
      say(`Not up to date since ${new Date(last).toISOString().slice(11, 16)} UTC: the server does not answer. It is tried again.`);
    }
    later(Math.max(wait, Math.min(longest, source.dataset.every * 2 ** failures)));
  };
  const refresh = async () => {
    if (over || busy || document.hidden) {
      return; // shown again, the page goes on
    }
    busy = true;
    try {
      const answer = await fetch(source.dataset.live, {
        headers: etag ? { "If-None-Match": etag } : {},
        cache: "no-store", redirect: "manual", signal: AbortSignal.timeout(30_000),
      });
      if (answer.type === "opaqueredirect" || answer.status === 401) {
        return stop("You are signed out, so this page does not refresh any more. ", "Sign in again");
      }
      if ([400, 403, 404].includes(answer.status)) {
        return stop("This page does not refresh any more. ", "Reload it");
      }
      if (answer.status !== 304 && !answer.ok) {
        return failed(Number(answer.headers.get("Retry-After")) || 0);
      }
      if (answer.status === 200) {
        etag = answer.headers.get("ETag") ?? "";
        show(await answer.text());
      }
      failures = 0;
      last = Date.now();
      say("");
      if (!source.dataset.live) {
        return stop(""); // there is nothing more to come
      }
      later(Number(source.dataset.every));
    } catch {
      failed(0); // the server restarts, or the network is gone
    } finally {
      busy = false;
    }
  };
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) {
      later(Math.max(0, source.dataset.every - (Date.now() - last) / 1000));
    }
  });
  later(Number(source.dataset.every));
};

if (source?.dataset.live) {
  follow();
}

// A form that changes something is sent once.
const sent = "aria-disabled";
document.addEventListener("submit", (event) => {
  const { target: form, submitter } = event;
  if ((submitter?.getAttribute("formmethod") ?? form.getAttribute("method")) !== "post") {
    return;
  }
  if (form.querySelector(`[${sent}]`)) {
    event.preventDefault();
    return;
  }
  submitter?.setAttribute(sent, "true");
});
window.addEventListener("pageshow", () => document.querySelectorAll(`[${sent}]`).forEach((button) => button.removeAttribute(sent)));
