// The pages that the demo serves.
import { find, startDemo } from "./demo.js";
import { modes } from "./look.js";

// tour checks every page in every mode. Where readme names a folder, it also makes the
// picture there that the README shows.
export async function tour(visitor, readme) {
  const demo = await startDemo();
  try {
    const server = find(demo.guide, "the server", /the server at (http:\S+)/);
    const issue = find(demo.guide, "the issue", /(http:\S+\/issues\/\d+)/);
    const token = find(demo.guide, "a token", /Authorization: Bearer ([^"]+)/);
    visitor.origins = [server, new URL(issue).origin];
    await converse(visitor, issue);
    for (const mode of modes) {
      const page = await visitor.open(mode);
      await visitServer(visitor, page, server);
      await visitDocs(visitor, page, server, token);
      await visitGitHub(visitor, page, issue);
      await page.context().close();
    }
    if (readme) {
      await photograph(visitor, server, readme);
    }
  } finally {
    await demo.stop();
  }
}

// converse fills the issue: answers of every shape.
async function converse(visitor, issue) {
  const page = await visitor.open({ mode: "light, desktop", ...modes[0] });
  await visitor.go(page, issue);
  await say(page, "ada", "/runner-group repos-add api,web");
  await say(page, "ada", "/runner-group group-list");
  await say(page, "ada", "/runner-group repos-add payroll,docs");
  await say(page, "mallory", "/runner-group repos-remove web");
  await say(page, "ada", "/runner-group token-jit build-1");
  await say(page, "ada", "/runner-group help");
  await visitor.check(page, "issue, just written on");
  await page.context().close();
}

// say writes a comment as a person would, and gives the bot's answer.
export async function say(page, login, text) {
  const answers = page.locator("article.bot");
  const answer = answers.nth(await answers.count());
  await page.getByLabel("Comment as").selectOption(login);
  await page.getByLabel("Comment", { exact: true }).fill(text);
  await page.getByRole("button", { name: "Comment", exact: true }).click();
  await answer.waitFor();
  // the reaction changes when the command is done
  await page.locator("article:not(.bot)", { hasText: text }).last().locator(".reaction", { hasNotText: "👀" }).waitFor();
  return answer;
}

async function visitServer(visitor, page, server) {
  await visitor.go(page, `${server}/`);
  await visitor.check(page, "index");
  await visitor.go(page, `${server}/setup`, 403);
  await visitor.check(page, "set-up, closed");
  await visitor.go(page, `${server}/api/v1/status`);
  await visitor.check(page, "status");
  await visitor.go(page, `${server}/nothing`, 404);
  await visitor.check(page, "not found");
  await visitor.go(page, `${server}/api/v1/whoami`, 401);
  await visitor.check(page, "a command without a token");
}

async function visitDocs(visitor, page, server, token) {
  const operation = (name) => page.locator(`[id^="operations-"][id$="-${name}"]`);
  await visitor.go(page, `${server}/docs`);
  await operation("whoami").waitFor();
  await visitor.check(page, "docs");

  await page.getByRole("button", { name: "Authorize" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.waitFor();
  await visitor.check(page, "docs, asking for a token");
  await dialog.locator("input").fill(token);
  await dialog.getByRole("button", { name: "Apply credentials" }).or(dialog.getByRole("button", { name: "Authorize" })).click();
  await dialog.getByRole("button", { name: "Close" }).last().click();

  await operation("repos-add").getByRole("button").first().click();
  await operation("repos-add").locator(".btn.execute").waitFor();
  await visitor.check(page, "docs, repos-add");

  await operation("whoami").getByRole("button").first().click();
  await operation("whoami").locator(".btn.execute").click();
  await operation("whoami").locator(".live-responses-table", { hasText: '"login": "ada"' }).waitFor();
  await visitor.check(page, "docs, whoami with its answer");
}

async function visitGitHub(visitor, page, issue) {
  await visitor.go(page, new URL("/", issue).href);
  await visitor.check(page, "simulated GitHub");
  await visitor.go(page, issue);
  await visitor.check(page, "issue");
  await visitor.go(page, issue.replace(/\d+$/, "").replace(/\/$/, ""));
  await visitor.check(page, "issues of the admin repository");
  await visitor.go(page, new URL("/apps/actions-runner-manager/installations/new", issue).href);
  await visitor.check(page, "installation");
}

// photograph makes the other pictures.
async function photograph(visitor, server, readme) {
  const page = await visitor.open(modes[0]);
  await page.goto(`${server}/docs`);
  await page.locator(".opblock").first().waitFor();
  await page.screenshot({ path: `${readme}/docs.png` });
  await page.context().close();
}
