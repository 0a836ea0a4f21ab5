"use strict";

// Shows the status anew as soon as it changes.
const ask = async () => {
  try {
    const answer = await fetch(location.href, { headers: { Accept: "application/json" }, cache: "no-store" });
    const { Error = "", Response = {} } = await answer.json();
    return JSON.stringify([Error, Response]);
  } catch {
    return "no answer";
  }
};
(async () => {
  const first = await ask();
  setInterval(async () => {
    const now = await ask();
    if (now === "no answer") {
      document.querySelector("h1").textContent = "The server does not answer";
    } else if (now !== first) {
      location.reload();
    }
  }, 10_000);
})();
