// Opens pages as people do, and collects what is wrong with them.
import { mkdir } from "node:fs/promises";
import axe from "axe-core";

const deadline = 15_000; // ms until a page must show what is waited for

const desktop = { viewport: { width: 1200, height: 900 } };
const small = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true };
export const modes = [
  { mode: "light, desktop", colorScheme: "light", ...desktop },
  { mode: "dark, desktop", colorScheme: "dark", ...desktop },
  { mode: "light, 360 px", colorScheme: "light", ...small },
  { mode: "dark, 360 px", colorScheme: "dark", ...small },
];

const most = { bytes: 100_000, shift: 0, task: 50 }; // of a page of the console: as loaded, as laid out, in ms
const loads = 3; // a task may be long because the machine is busy, but not each time

const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

// A Visitor opens pages, and counts what is wrong with them.
export class Visitor {
  origins = []; // of the pages that may be opened
  problems = [];
  checked = 0;

  constructor(browser, pictures) {
    this.browser = browser;
    this.pictures = pictures; // the folder for a picture of each page, if any
  }

  // open gives a new page in a mode. Whatever it says or asks for is watched until it is closed.
  async open({ mode, ...options }) {
    const context = await this.browser.newContext(options);
    context.setDefaultTimeout(deadline);
    await context.addInitScript(measure);
    return this.watch(await context.newPage(), mode);
  }

  // watch collects what a page complains about from now on.
  watch(page, mode) {
    const seen = { mode, complaints: [] };
    const complain = (text) => seen.complaints.push(text);
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) {
        complain(`console: ${message.text()} (${message.location().url})`);
      }
    });
    page.on("pageerror", (error) => complain(`script: ${error.message}`));
    page.on("request", (request) => {
      const to = new URL(request.url());
      const allowed = request.isNavigationRequest() ? this.origins : [new URL(page.url()).origin];
      if (to.protocol.startsWith("http") && !allowed.includes(to.origin)) {
        complain(`another host is asked: ${request.url()}`);
      }
    });
    return Object.assign(page, { seen });
  }

  // go opens an address, which must answer with the status.
  async go(page, url, status = 200) {
    const answer = await page.goto(url);
    if (answer.status() !== status) {
      page.seen.complaints.push(`${url} answers with ${answer.status()}, not ${status}`);
    }
    this.expect(page, status);
  }

  // expect forgets what the browser's console says about the status of the page, as it should.
  expect(page, status) {
    page.seen.complaints = page.seen.complaints.filter((text) => !(status >= 400 && text.includes(`a status of ${status} `) && text.endsWith(` (${page.url()})`)));
  }

  // load opens an address as go does, and complains about a page that is heavy, that moves after
  // it was shown, or that keeps its reader waiting.
  async load(page, url, status = 200) {
    let slow;
    for (let n = 0; n < loads; n++) {
      await this.go(page, url, status);
      await page.waitForLoadState("networkidle");
      const { bytes, shift, tasks } = await page.evaluate(measured);
      if (bytes > most.bytes) {
        page.seen.complaints.push(`${bytes} bytes, with all that belongs to the page`);
      }
      if (shift > most.shift) {
        page.seen.complaints.push(`the page moves after it was shown, by ${shift.toFixed(4)}`);
      }
      slow = tasks.filter((ms) => ms > most.task);
      if (!slow.length) {
        return;
      }
    }
    page.seen.complaints.push(`tasks take ${slow.join(", ")} ms, ${loads} times`);
  }

  // checkAll looks at what the page shows now in every mode, one after the other: the
  // way for a page that can be opened only once.
  async checkAll(page, name) {
    for (const { mode, colorScheme, viewport } of modes) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize(viewport);
      page.seen.mode = mode;
      await this.check(page, name);
    }
    await page.emulateMedia({ colorScheme: modes[0].colorScheme });
    await page.setViewportSize(modes[0].viewport);
    page.seen.mode = modes[0].mode;
  }

  // report keeps what was found, and what the page complained about.
  report(page, name, found = []) {
    found.push(...page.seen.complaints.splice(0));
    this.checked++;
    console.log(`${found.length ? "FAIL" : "ok  "}  ${name} (${page.seen.mode})`, found.length ? `\n      ${found.join("\n      ")}` : "");
    this.problems.push(...found.map((text) => `${name} (${page.seen.mode}): ${text}`));
  }

  // check looks at what the page shows now.
  async check(page, name) {
    await page.evaluate(() => document.getAnimations().filter((a) => a.effect.getComputedTiming().endTime < Infinity).forEach((a) => a.finish())); // colours in between count for nothing
    const found = page.seen.complaints.splice(0);
    found.push(...(await tooWide(page)), ...(await tooSmall(page)), ...(await inaccessible(page)));
    this.report(page, name, found);
    if (this.pictures) {
      await mkdir(this.pictures, { recursive: true });
      const file = `${name}-${page.seen.mode}`.replace(/\W+/g, "-");
      await page.screenshot({ path: `${this.pictures}/${file}.png`, fullPage: true });
    }
  }
}

// measure, in the page, adds up how far its parts move, and keeps how long its tasks take.
function measure() {
  const seen = { shift: 0, tasks: [] };
  Object.defineProperty(globalThis, "measuredByTest", { value: seen, configurable: true });
  const watch = (type, note) => new PerformanceObserver((list) => list.getEntries().forEach(note)).observe({ type, buffered: true });
  watch("layout-shift", (entry) => (seen.shift += entry.hadRecentInput ? 0 : entry.value));
  watch("longtask", (entry) => seen.tasks.push(Math.round(entry.duration)));
}

// measured, in the page, is what measure saw, and how many bytes all of the page has.
function measured() {
  const bytes = ["navigation", "resource"].flatMap((type) => performance.getEntriesByType(type)).reduce((sum, entry) => sum + entry.encodedBodySize, 0);
  return { bytes, ...(globalThis.measuredByTest ?? { shift: 0, tasks: [] }) };
}

// tooWide names what makes the page scroll sideways.
async function tooWide(page) {
  const wide = await page.evaluate((width) => {
    if (document.scrollingElement.scrollWidth <= width) {
      return [];
    }
    const beyond = [...document.body.querySelectorAll("*")].filter((e) => e.getBoundingClientRect().right > width + 0.5);
    return ["the page", ...beyond.slice(0, 5).map((e) => `${e.tagName.toLowerCase()}.${e.className}`)];
  }, page.viewportSize().width);
  return wide.length ? [`scrolls sideways: ${wide.join(", ")}`] : [];
}

// tooSmall names what is hard to hit with a finger: what one presses, but for links within text,
// must be 44 px high, or within a label that is. The simulated GitHub is not ours to tap on, and Swagger UI's own controls
// within an operation are as they are.
async function tooSmall(page) {
  if (page.viewportSize().width > 400 || !(await page.evaluate(() => document.querySelector("link[href='/assets/base.css']")))) {
    return [];
  }
  const small = await page.evaluate(() => [...document.querySelectorAll("a, button, input, select, textarea, summary")].filter((e) => {
    const { width, height } = (e.closest("label") ?? e).getBoundingClientRect();
    const inText = e.tagName === "A" && getComputedStyle(e).display === "inline";
    const hidden = width === 0 || e.type === "hidden" || !e.checkVisibility();
    return !hidden && !inText && !e.closest(".opblock-body, .dialog-ux, .skip") && height < 43.5;
  }).map((e) => `${e.tagName.toLowerCase()}.${e.className} ${e.textContent.trim().slice(0, 40)} (${Math.round(e.getBoundingClientRect().height)} px)`));
  return small.slice(0, 5).map((what) => `too small to touch: ${what}`);
}

// inaccessible names what axe-core finds, by rule and selector.
async function inaccessible(page) {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate((tags) => globalThis.axe.run(document, { runOnly: tags, resultTypes: ["violations"] }), rules);
  return violations.flatMap((v) => v.nodes.map((node) => `${v.id}: ${node.target.flat().join(" ")}: ${node.failureSummary.replace(/\s*\n\s*/g, " ")}`));
}
