// Calls every command through Prism, a proxy that refuses what /openapi.json does not
// describe: requests and answers. It says which calls Prism refused.
import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { find, startDemo } from "../pages/demo.js";
import { calls } from "./calls.js";

const prismPath = fileURLToPath(new URL("node_modules/.bin/prism", import.meta.url));
const deadline = 60_000; // ms until the proxy must listen

// freePort gives a port that nobody listens on.
async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

// startProxy runs Prism in front of the server. It gives its address, and what ends it.
async function startProxy(server) {
  const port = await freePort();
  const prism = spawn(prismPath, ["proxy", `${server}/openapi.json`, server, "--errors", "--host", "127.0.0.1", "--port", String(port)], {
    stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, SCARF_ANALYTICS: "false" },
  });
  process.once("exit", () => prism.kill());
  let log = "";
  await new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`Prism does not listen:\n${log}`)), deadline);
    for (const stream of [prism.stdout, prism.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        log += text;
        if (log.includes("Prism is listening")) {
          clearTimeout(late);
          resolve();
        }
      });
    }
    prism.once("close", (status) => reject(new Error(`Prism ended with ${status}:\n${log}`)));
  });
  return { proxy: `http://127.0.0.1:${port}`, stop: () => prism.kill() };
}

// run makes one call, and gives what is wrong with its answer.
async function run(proxy, token, { request, body, type, as = token, status = 200, refused = false }) {
  const [method, path] = request.split(" ");
  const headers = {};
  if (as) {
    headers.Authorization = `Bearer ${as}`;
  }
  if (body !== undefined) {
    headers["Content-Type"] = type ?? "application/json";
  }
  const answer = await fetch(proxy + path, { method, headers, body });
  const text = await answer.text();
  if (!refused && answer.headers.get("content-type")?.includes("problem+json")) {
    return `Prism refuses it: ${text}`;
  }
  return answer.status === status ? "" : `answers with ${answer.status}, not ${status}: ${text}`;
}

const demo = await startDemo();
const server = find(demo.guide, "the server", /the server at (http:\S+)/);
const ada = find(demo.guide, "a token", /Authorization: Bearer ([^"]+)/);
const mallory = find(demo.guide, "another token", /(ghp_mallory\w+)/);
const { proxy, stop } = await startProxy(server);
let failed = 0;
try {
  const described = Object.keys((await (await fetch(`${server}/openapi.json`)).json()).paths);
  const list = calls({ mallory, olga: "ghp_olgaOwnsTheOrganization" });
  for (const path of described) {
    if (!list.some(({ request }) => request.split(" ")[1].split("?")[0] === path)) {
      failed++;
      console.log(`FAIL  ${path}: no call in calls.js`);
    }
  }
  for (const call of list) {
    const problem = await run(proxy, ada, call);
    failed += problem ? 1 : 0;
    console.log(`${problem ? "FAIL" : "ok  "}  ${call.request} ${call.body ?? ""} ${problem}`);
    await new Promise((resolve) => setTimeout(resolve, 250)); // the rate limit is part of the interface
  }
  console.log(`prism: ${list.length} calls, ${failed} problems`);
} finally {
  stop();
  await demo.stop();
}
process.exitCode = failed ? 1 : 0;
