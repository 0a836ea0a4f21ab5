// The console: its pages in every mode, and then what people do there.
import { find, startDemo } from "./demo.js";
import { addRunner, maintain, own, signIn, signOutEverywhere } from "./flows.js";
import { modes } from "./look.js";
import { plain } from "./plain.js";
import { photograph } from "./film.js";

// tourConsole checks the console of the demo. If readme names a folder, it makes the pictures
// there that the README shows, and nothing else.
export async function tourConsole(visitor, readme) {
  const demo = await startDemo("--speed", "0");
  try {
    const console = find(demo.guide, "the console", /(http:\S+\/console)/);
    const machine = find(demo.guide, "the machine", /(http:\S+\/machine)/);
    visitor.origins = [new URL(console).origin, new URL(machine).origin];
    if (readme) {
      await photograph(visitor, console, machine, readme);
      return;
    }
    await visitSignIn(visitor, console);
    const states = await signInAll(visitor, console, ["ada", "carol", "dan", "olga", "mallory"]);
    for (const mode of modes) {
      for (const [login, visit] of Object.entries({ carol: visitMobile, dan: visitData, ada: visitForms, mallory: visitNothing, olga: visitAll })) {
        const page = await visitor.open({ ...mode, storageState: states[login] });
        await visit(visitor, page, console);
        await page.context().close();
      }
    }
    await maintain(visitor, console);
    await addRunner(visitor, console, machine);
    await own(visitor, console);
    await signOutEverywhere(visitor, console);
    await plain(visitor, console, machine);
  } finally {
    await demo.stop();
  }
}

// visitSignIn checks the pages on the way in, of those who come in and of those who do not.
async function visitSignIn(visitor, console) {
  for (const mode of modes) {
    const page = await visitor.open(mode);
    await visitor.load(page, `${console}/acme/mobile?range=7d`, 401);
    await visitor.check(page, "console, not signed in");
    await visitor.load(page, `${console}/callback?code=x&state=y`, 400);
    await visitor.check(page, "console, a sign-in that was not begun here");
    await page.context().close();
  }
  const page = await visitor.open(modes[0]);
  await visitor.go(page, `${console}/acme/mobile?range=7d`, 401);
  await page.getByRole("link", { name: "Sign in with GitHub" }).click();
  await page.getByRole("heading", { name: "Sign in to" }).waitFor();
  await visitor.checkAll(page, "simulated GitHub, sign-in");
  await page.getByRole("link", { name: "Cancel" }).click();
  await page.waitForURL("**/console/callback?*");
  visitor.expect(page, 400);
  await visitor.checkAll(page, "console, a sign-in that was cancelled");
  await page.getByRole("link", { name: "Sign in with GitHub" }).click();
  await page.getByRole("link", { name: /^carol/ }).click();
  await page.waitForURL(`${console}/acme/mobile?range=7d`); // the link survives the sign-in
  await page.context().close();
}

// signInAll signs in each of the people once. It gives what their browsers keep.
async function signInAll(visitor, console, logins) {
  const states = {};
  for (const login of logins) {
    const page = await visitor.open(modes[0]);
    await signIn(page, console, login);
    states[login] = await page.context().storageState();
    await page.context().close();
  }
  return states;
}

// visitMobile is a group with many runners, and one without any.
async function visitMobile(visitor, page, console) {
  await visitor.load(page, console);
  await visitor.check(page, "console, my groups");
  for (const range of ["24h", "7d", "30d"]) {
    await visitor.load(page, `${console}/acme/mobile?range=${range}`);
    await visitor.check(page, `console, group, ${range}`);
  }
  await page.getByText("All commands for this team").click();
  await page.locator(".fleet summary").click();
  await visitor.check(page, "console, group, unfolded");
  await visitor.load(page, `${console}/acme/qa`);
  await visitor.check(page, "console, group without runners");
  await visitor.load(page, `${console}/acme/mobile/audit-list?run=true`);
  await visitor.check(page, "console, audit of a team");
  await visitor.load(page, `${console}/acme/-/repo-runners?run=true&repo=ios`);
  await visitor.check(page, "console, a runner is found");
  await visitor.load(page, `${console}/acme/mobile/group-check?run=true`);
  await visitor.check(page, "console, check");
}

// visitData is a group with findings of all kinds.
async function visitData(visitor, page, console) {
  await visitor.load(page, `${console}/acme/data`);
  await visitor.check(page, "console, group with findings");
  await visitor.load(page, `${console}/acme/-/requests-list?run=true`);
  await visitor.check(page, "console, requests");
}

async function visitForms(visitor, page, console) {
  for (const form of ["platform/repos-add?repos=api", "platform/runners-label?runners=platform-1", "platform/trust-add", "platform/token-register", "platform/add-runner", "-/group-create", "-/access-request", "-/repo-runners"]) {
    await visitor.load(page, `${console}/acme/${form}`);
    await visitor.check(page, `console, form ${form.replace(/\?.*/, "")}`);
  }
  await visitor.load(page, `${console}/acme/-/repo-runners?run=true&repo=api`);
  await visitor.check(page, "console, no runner is found");
  await visitor.load(page, `${console}/acme/web`);
  await visitor.check(page, "console, team without a group");
  await visitor.load(page, `${console}/acme/platform/repos-ad`, 404);
  await visitor.check(page, "console, no such command");
}

// visitNothing is somebody who maintains nothing.
async function visitNothing(visitor, page, console) {
  await visitor.load(page, console);
  await visitor.check(page, "console, no groups");
  await visitor.load(page, `${console}/acme/platform`, 403);
  await visitor.check(page, "console, somebody else's group");
  await visitor.load(page, `${console}/all`, 403);
  await visitor.check(page, "console, all groups, not an owner");
}

async function visitAll(visitor, page, console) {
  await visitor.load(page, `${console}/all`);
  await visitor.check(page, "console, all groups");
  await visitor.load(page, `${console}/acme/-/audit-list?run=true&by=mallory`);
  await visitor.check(page, "console, audit with filters");
  await visitor.load(page, `${console}/acme/-/group-adopt?back=all`);
  await visitor.check(page, "console, adopt a group");
}
