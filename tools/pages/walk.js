// The way of a newcomer: from a server without a GitHub App to the first answer.
import { find, startDemo } from "./demo.js";
import { modes } from "./look.js";
import { say } from "./tour.js";

// walk sets a new server up in the browser, checks the pages on the way, and prints
// what each step took, without the checks.
export async function walk(visitor) {
  const demo = await startDemo("--setup");
  try {
    const link = find(demo.guide, "the link", /(http:\S+\/setup\?token=\S+)/);
    const issue = find(demo.guide, "the issue", /(http:\S+\/issues\/\d+)/);
    const server = new URL(link).origin;
    visitor.origins = [server, new URL(issue).origin];
    const page = await visitor.open(modes[0]);
    await visitor.go(page, `${server}/`);
    await visitor.checkAll(page, "index, before set-up");
    await visitor.go(page, `${server}/setup?token=another`, 403);
    await visitor.checkAll(page, "set-up, by a wrong link");

    await step("open the link to set-up", () => visitor.go(page, link));
    await visitor.checkAll(page, "set-up");
    await step("press the button: GitHub makes the App, and leads back", async () => {
      await page.getByRole("button", { name: "Create the App" }).click();
      await page.waitForURL(`${server}/setup/callback?**`);
    });
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
    await visitor.go(page, `${server}/setup`, 403);
    await visitor.checkAll(page, "set-up, closed");
    await step("open the issue", () => visitor.go(page, issue));
    await step("give the team its group, as olga", async () => {
      await expectAnswer(await say(page, "olga", "/runner-group group-adopt platform"), "✅");
    });
    await step("attach repositories, as ada", async () => {
      await expectAnswer(await say(page, "ada", "/runner-group repos-add api,web"), "✅");
    });
    await visitor.checkAll(page, "issue, after set-up");
    await page.context().close();
  } finally {
    await demo.stop();
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
