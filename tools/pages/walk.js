// The way of a newcomer: from a server without a GitHub App to the first answer.
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { find, startDemo } from "./demo.js";
import { modes } from "./look.js";
import { say } from "./tour.js";

// walk sets a new server up in the browser, checks the pages on the way, and prints
// what each step took, without the checks.
export async function walk(visitor) {
  const demo = await startDemo("--setup");
  try {
    const { page, server, issue } = await begin(visitor, demo);
    await visitor.go(page, `${server}/`);
    await visitor.checkAll(page, "index, before set-up");
    await visitor.go(page, `${server}/setup?token=another`, 403);
    await visitor.checkAll(page, "set-up, by a wrong link");

    await step("open the link to set-up", () => visitor.go(page, find(demo.guide, "the link", link)));
    await visitor.checkAll(page, "set-up");
    await step("press the button: GitHub makes the App, and leads back", () => createApp(page, server));
    await visitor.checkAll(page, "set-up, with the App");
    let installation;
    await step("follow the link to the installation, in a tab of its own", async () => {
      const opened = page.context().waitForEvent("page");
      await page.getByRole("link", { name: "Install it in" }).click();
      installation = visitor.watch(await opened, modes[0].mode);
      await installation.waitForURL("**/installations/new");
    });
    await visitor.checkAll(installation, "installation, to be done");
    await step("press the button: GitHub installs the App", async () => {
      await installation.getByRole("button", { name: "Install" }).click();
      await installation.getByText("Installed on acme").waitFor();
    });
    await visitor.checkAll(installation, "installation, done");
    await installation.close(); // a tab behind another one is slow
    await step("see the checklist follow by itself", () => ticked(page, "installed", "permissions", "webhook", "admin-repository"));
    await visitor.checkAll(page, "set-up, installed");

    const comments = await visitor.watch(await page.context().newPage(), modes[0].mode);
    await step("open the issue", () => visitor.go(comments, issue));
    await step("give the team its group, as olga", async () => {
      await expectAnswer(await say(comments, "olga", "/runner-group group-adopt platform"), "✅");
    });
    await step("attach repositories, as ada", async () => {
      await expectAnswer(await say(comments, "ada", "/runner-group repos-add api,web"), "✅");
    });
    await visitor.checkAll(comments, "issue, after set-up");
    await comments.close();
    await ticked(page, "command");
    await visitor.checkAll(page, "set-up, all done");
    await page.context().close();
    const other = await visitor.open(modes[0]);
    await visitor.go(other, `${server}/setup`, 403);
    await other.locator("summary").click();
    await visitor.checkAll(other, "set-up, closed to another browser");
    await other.context().close();
  } finally {
    await demo.stop();
  }
}

// walkWithProblems does the same if the configuration cannot be written, and the admin
// repository is public.
export async function walkWithProblems(visitor) {
  const folder = await mkdtemp(join(tmpdir(), "pages-"));
  const scenario = join(folder, "scenario.yml");
  const text = await readFile(new URL("../../cmd/actions-runner-manager/demo.yml", import.meta.url), "utf8");
  await writeFile(scenario, text.replace("- name: runner-admin\n", (line) => `${line}        visibility: public\n`));
  const demo = await startDemo("--setup", "--scenario", scenario);
  try {
    const { page, server } = await begin(visitor, demo);
    await chmod(find(demo.guide, "the configuration", /keeps its key in (\S+)/), 0o444);
    await visitor.go(page, find(demo.guide, "the link", link));
    await visitor.checkAll(page, "set-up, read-only configuration");
    await createApp(page, server);
    await visitor.checkAll(page, "set-up, with lines to save");
    await page.getByRole("button", { name: "I have saved it" }).click();
    await page.getByRole("heading", { name: "Save the App’s key now" }).waitFor({ state: "detached" });
    await visitor.checkAll(page, "set-up, with saved lines");
    const opened = page.context().waitForEvent("page");
    await page.getByRole("link", { name: "Install it in" }).click();
    const installation = visitor.watch(await opened, modes[0].mode);
    await installation.getByRole("button", { name: "Install" }).click();
    await installation.getByText("Installed on acme").waitFor();
    await installation.close();
    await page.locator('[data-step="admin-repository"][data-state="problem"]').waitFor();
    await visitor.checkAll(page, "set-up, with a problem");
    await page.context().close();
  } finally {
    await demo.stop();
    await rm(folder, { recursive: true });
  }
}

const link = /(http:\S+\/setup\?token=\S+)/;

async function begin(visitor, demo) {
  const issue = find(demo.guide, "the issue", /(http:\S+\/issues\/\d+)/);
  const server = new URL(find(demo.guide, "the link", link)).origin;
  visitor.origins = [server, new URL(issue).origin];
  return { page: await visitor.open(modes[0]), server, issue };
}

async function createApp(page, server) {
  await page.getByRole("button", { name: "Create the App" }).click();
  await page.waitForURL(`${server}/setup`); // the script leaves out the code
}

// ticked waits until these steps of the checklist are done.
async function ticked(page, ...steps) {
  for (const name of steps) {
    await page.locator(`[data-step="${name}"][data-state="done"]`).waitFor();
  }
}

async function step(what, act) {
  const start = performance.now();
  await act();
  console.log(`${((performance.now() - start) / 1000).toFixed(1).padStart(5)} s  ${what}`);
}

async function expectAnswer(answer, wanted) {
  const text = await answer.innerText();
  if (!text.includes(wanted)) {
    throw new Error(`the bot answers:\n${text}`);
  }
}
