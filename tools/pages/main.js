// Opens every page that this project serves in Chromium, in light and dark, on a
// desktop and on a phone, and says what is wrong: what the console complains about,
// requests to other hosts, pages that scroll sideways, and what axe-core finds.
import { access } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { tourConsole } from "./console.js";
import { Visitor } from "./look.js";
import { tour } from "./tour.js";
import { walk, walkWithProblems } from "./walk.js";

const { values: options } = parseArgs({
  options: {
    readme: { type: "string" }, // the folder for the pictures that the README shows
    only: { type: "string" }, // tour, walk or console: not the others
    pictures: { type: "string" }, // the folder for a picture of each page in each mode
  },
});

// chromiumPath finds the browser, by the names that it has in Linux distributions.
async function chromiumPath() {
  for (const name of ["chromium", "chromium-browser", "google-chrome"]) {
    for (const folder of (process.env.PATH ?? "").split(delimiter)) {
      const path = join(folder, name);
      if (await access(path).then(() => true, () => false)) {
        return path;
      }
    }
  }
  throw new Error("no Chromium is found: install chromium or google-chrome");
}

const browser = await chromium.launch({
  executablePath: await chromiumPath(),
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
try {
  const visitor = new Visitor(browser, options.pictures);
  const parts = {
    tour: () => tour(visitor, options.readme),
    console: () => tourConsole(visitor, options.readme),
    walk: async () => {
      await walk(visitor);
      await walkWithProblems(visitor);
    },
  };
  for (const [name, part] of Object.entries(parts)) {
    if (!options.only || options.only === name) {
      await part().catch((error) => visitor.problems.push(`${name} goes no further: ${error.stack}`));
    }
  }
  const { checked, problems } = visitor;
  console.log(["", ...problems, `pages: ${checked} checked, ${problems.length} problems`].join("\n"));
  process.exitCode = problems.length ? 1 : 0;
} finally {
  await browser.close();
}
