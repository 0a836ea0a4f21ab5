// The console without JavaScript.
import { modes } from "./look.js";

// plain signs in, changes a group and adds a runner in a browser that runs no script.
export async function plain(visitor, console, machine) {
  const page = await visitor.open({ ...modes[0], mode: "without JavaScript", javaScriptEnabled: false });
  await visitor.go(page, console, 401);
  await page.getByRole("link", { name: "Sign in with GitHub" }).click();
  await page.getByRole("link", { name: /^dan/ }).click();
  await page.getByRole("heading", { name: "My groups" }).waitFor();
  await page.getByRole("link", { name: "data", exact: true }).click();
  await page.getByRole("heading", { name: "Runners over time" }).waitFor();

  await page.getByRole("checkbox", { name: "pipelines" }).check();
  await page.locator('form[action$="/repos-remove"]').getByRole("button", { name: "Remove…" }).click();
  const yes = page.getByRole("button", { name: "Yes, run repos-remove" });
  if (await yes.isVisible()) {
    await yes.click();
  }
  await page.getByRole("checkbox", { name: "pipelines" }).waitFor({ state: "detached" });
  await page.getByLabel("Add repositories").fill("pipelines");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByRole("checkbox", { name: "pipelines" }).waitFor();

  await page.getByRole("link", { name: "Add a runner" }).click();
  await page.locator('[name="name"]').fill("plain-1");
  await page.getByRole("button", { name: "Get the lines" }).click();
  const lines = await page.locator("pre code").innerText();
  await page.getByRole("link", { name: "Check whether it is online" }).click();
  await page.getByRole("heading", { name: "Waiting for runner plain-1" }).waitFor();
  const on = await page.context().newPage();
  await on.goto(machine);
  await on.getByLabel("Lines").fill(lines);
  await on.getByRole("button", { name: "Run" }).click();
  await on.getByText("Connected to GitHub").waitFor();
  await on.close();
  await online(page);
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await page.getByRole("link", { name: "Sign in with GitHub" }).waitFor();
  visitor.expect(page, 401);
  visitor.report(page, "console, without JavaScript");
  await page.context().close();
}

// online checks again until the runner is there: others' looks of the last seconds are shared.
async function online(page) {
  const online = page.getByRole("heading", { name: "Runner plain-1 is online" });
  for (let n = 0; n < 10 && !(await online.isVisible()); n++) {
    await page.getByRole("link", { name: "Check again" }).click({ delay: 1000 });
    await page.waitForLoadState();
  }
  await online.waitFor();
}
