// The program's demo: a simulated GitHub and the server against it.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const binary = fileURLToPath(new URL("../../bin/actions-runner-manager", import.meta.url));
const deadline = 30_000; // ms until the demo must have said what to try

// startDemo runs the demo on free ports. It gives the guide that the demo prints, and
// what ends it.
export async function startDemo(...flags) {
  const demo = spawn(binary, ["demo", "--port", "0", "--github-port", "0", ...flags], { stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise((resolve) => demo.once("close", resolve));
  process.once("exit", () => demo.kill()); // whatever ends this program
  const stop = () => {
    demo.kill();
    return ended;
  };
  let guide = "";
  let complaint = "";
  demo.stdout.setEncoding("utf8").on("data", (text) => (guide += text));
  demo.stderr.setEncoding("utf8").on("data", (text) => (complaint += text));
  try {
    await new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`the demo does not say what to try:\n${guide}${complaint}`)), deadline);
      const settle = (how, what) => {
        clearTimeout(late);
        how(what);
      };
      demo.stdout.on("data", () => guide.includes("Ctrl-C ends") && settle(resolve));
      demo.once("error", (error) => settle(reject, new Error(`the demo does not start; "make build" builds it: ${error.message}`)));
      demo.once("close", (status) => settle(reject, new Error(`the demo ended with ${status}:\n${complaint}`)));
    });
  } catch (error) {
    demo.kill();
    throw error;
  }
  return { guide, stop };
}

// find is what a pattern's first group matches in the guide.
export function find(guide, what, pattern) {
  const found = guide.match(pattern);
  if (!found) {
    throw new Error(`the demo's guide does not name ${what}:\n${guide}`);
  }
  return found[1];
}
