// What people do in the console, with the keyboard only.
import { press, tabTo, type } from "./keys.js";
import { modes } from "./look.js";

// signIn signs in as one of the simulated people.
export async function signIn(page, console, login) {
  await page.goto(`${console}/signin`);
  await press(page, page.getByRole("link", { name: new RegExp(`^${login}`) }));
  await page.waitForURL((url) => url.href.startsWith(console));
}

// begin opens the console as somebody.
async function begin(visitor, console, login) {
  const page = await visitor.open(modes[0]);
  await signIn(page, console, login);
  return page;
}

// button, link and field find what a page shows.
const button = (page, name) => page.getByRole("button", { name, exact: true });
const link = (page, name) => page.getByRole("link", { name, exact: true });
const field = (page, name) => page.locator(`main [name="${name}"]`);

// answered waits for the answer of a command, which must say that.
async function answered(page, text) {
  await page.locator("[role=status], [role=alert]").filter({ hasText: text }).first().waitFor();
}

// maintain is a day of ada: a group for her other team, repositories, a label, a request, a trust.
export async function maintain(visitor, console) {
  const page = await begin(visitor, console, "ada");
  await press(page, link(page, "Create a group for another team"));
  await type(page, field(page, "team"), "web");
  await press(page, button(page, "Run group-create"));
  await answered(page, "web");
  await visitor.checkAll(page, "console, a group was created");

  await type(page, page.getByLabel("Add repositories"), "web");
  await press(page, button(page, "Add"));
  await answered(page, "Added ");
  await type(page, page.getByLabel("Add repositories"), "payroll,docs");
  await press(page, button(page, "Add"));
  await answered(page, "payroll");
  visitor.expect(page, 403);
  await visitor.checkAll(page, "console, a repository is refused");
  await visitor.go(page, `${console}/acme/web`);

  await press(page, page.getByRole("checkbox", { name: "web", exact: true }), "Space");
  await press(page, page.locator('form[action$="/repos-remove"]').getByRole("button", { name: "Remove…" }));
  await answered(page, "web");
  const gone = page.getByRole("checkbox", { name: "web", exact: true });
  if (await button(page, "Yes, run repos-remove").isVisible()) {
    await press(page, button(page, "Yes, run repos-remove"));
  }
  await gone.waitFor({ state: "detached" });
  await visitor.checkAll(page, "console, a repository was removed");

  await visitor.go(page, `${console}/acme/platform`);
  await press(page, page.getByRole("checkbox", { name: "platform-1" }), "Space");
  await press(page, button(page, "Label…"));
  await type(page, field(page, "add"), "gpu");
  await press(page, button(page, "Preview"));
  await answered(page, "Nothing has changed yet");
  await visitor.checkAll(page, "console, a preview");
  await press(page, button(page, "Run runners-label"));
  await answered(page, "gpu");

  await press(page, button(page, "Approve request 3"));
  await answered(page, "android");
  await visitor.checkAll(page, "console, a request was approved");

  await press(page, link(page, "Trust a workflow"));
  await type(page, field(page, "repo"), "api");
  await type(page, field(page, "commands"), "token-jit");
  await type(page, field(page, "ref"), "main");
  await press(page, button(page, "Run trust-add"));
  await answered(page, "api");
  await visitor.checkAll(page, "console, a trust was added");

  await press(page, link(page, "Find a runner"));
  await type(page, field(page, "repo"), "api");
  await press(page, button(page, "Show"));
  await answered(page, "api");

  await press(page, button(page, "Sign out"));
  await link(page, "Sign in with GitHub").waitFor();
  visitor.expect(page, 401);
  await visitor.checkAll(page, "console, signed out");
  await page.goBack();
  await link(page, "Sign in with GitHub").waitFor(); // nothing of the page before is shown
  visitor.expect(page, 401);
  await visitor.checkAll(page, "console, back after signing out");
  await page.context().close();
}

// addRunner follows the guide: the page turns green when the machine connects.
export async function addRunner(visitor, console, machine) {
  const page = await begin(visitor, console, "carol");
  await press(page, link(page, "qa"));
  await press(page, link(page, "Add a runner").first());
  await type(page, field(page, "name"), "build-7");
  await type(page, field(page, "labels"), "gpu");
  await press(page, button(page, "Get the lines"));
  const lines = await page.locator("pre code").innerText();
  await visitor.checkAll(page, "console, lines of a new runner");
  await tabTo(page, page.getByRole("button", { name: /^Copy/ }));

  const on = visitor.watch(await page.context().newPage(), modes[0].mode);
  await visitor.go(on, machine);
  await visitor.checkAll(on, "simulated machine");
  await on.getByLabel("Lines").fill(lines);
  await on.getByRole("button", { name: "Run" }).click();
  await on.getByText("Connected to GitHub").waitFor();
  await visitor.checkAll(on, "simulated machine, connected");
  await on.close();

  await page.getByRole("heading", { name: "Runner build-7 is online" }).waitFor();
  await visitor.checkAll(page, "console, the new runner is online");
  await press(page, link(page, "Back to the group"));
  await page.getByRole("checkbox", { name: "build-7" }).waitFor();

  await press(page, link(page, "Add a runner"));
  await press(page, page.locator('[name="kind"]:checked'), "ArrowDown");
  await press(page, button(page, "Get the lines"));
  await page.getByRole("heading", { name: "Start the runner with one of these" }).waitFor();
  await visitor.checkAll(page, "console, lines of a runner for one job");
  await page.context().close();
}

// own is what an owner does: approve a command, and look before releasing and adopting.
export async function own(visitor, console) {
  const page = await begin(visitor, console, "olga");
  await visitor.go(page, `${console}/all`);
  await press(page, button(page, "Release the group of qa"));
  await answered(page, "Nothing has changed yet");
  await visitor.checkAll(page, "console, release a group, with its preview");
  await press(page, link(page, "Cancel"));
  await page.waitForURL(`${console}/all`);

  await press(page, button(page, "Approve request 4"));
  await answered(page, "workflow");
  await visitor.checkAll(page, "console, a command was approved");

  await press(page, link(page, "All activity, with filters"));
  await type(page, field(page, "by"), "mallory");
  await press(page, button(page, "Show"));
  await page.locator("table").getByText("mallory").first().waitFor();
  await page.context().close();
}

// signOutEverywhere ends the sessions of two browsers in one of them.
export async function signOutEverywhere(visitor, console) {
  const here = await begin(visitor, console, "carol");
  const there = await begin(visitor, console, "carol");
  await visitor.go(there, `${console}/acme/mobile`);
  await press(here, button(here, "Sign out on all devices"));
  await link(here, "Sign in with GitHub").waitFor();
  await visitor.go(there, `${console}/acme/mobile`, 401);
  await visitor.check(there, "console, signed out elsewhere");
  await here.context().close();
  await there.context().close();
}
