// The pictures of the console that the README shows.
import { writeFile } from "node:fs/promises";
import { signIn } from "./flows.js";
import { modes } from "./look.js";

const size = { width: 960, height: 640 };
const pause = 2500; // ms that a picture of the film is shown

// photograph makes console.png and console-dark.png, a group, and add-runner.png, a film.
export async function photograph(visitor, console, machine, folder) {
  const page = await visitor.open({ ...modes[0], viewport: size });
  await signIn(page, console, "carol");
  await page.goto(`${console}/acme/mobile?range=7d`);
  for (const [colorScheme, name] of [["dark", "console-dark"], ["light", "console"]]) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: `${folder}/${name}.png` });
  }
  await writeFile(`${folder}/add-runner.png`, film(await addRunner(page, console, machine), pause));
  await page.context().close();
}

// addRunner takes a picture of each step of the guide to a new runner.
async function addRunner(page, console, machine) {
  const pictures = [];
  const take = async () => pictures.push(await page.screenshot({ animations: "disabled" }));
  await page.goto(`${console}/acme/qa`);
  await page.getByRole("heading", { name: "Runners (0)" }).scrollIntoViewIfNeeded();
  await take();
  await page.getByRole("link", { name: "Add a runner" }).click();
  await page.locator('[name="name"]').fill("build-7");
  await page.locator('[name="labels"]').fill("gpu");
  await take();
  await page.getByRole("button", { name: "Get the lines" }).click();
  const lines = await page.locator("pre code").innerText();
  await take();
  await page.getByRole("heading", { name: "Waiting for runner" }).scrollIntoViewIfNeeded();
  await take();
  const on = await page.context().newPage();
  await on.goto(machine);
  await on.getByLabel("Lines").fill(lines);
  await on.getByRole("button", { name: "Run" }).click();
  await on.getByText("Connected to GitHub").waitFor();
  await on.close();
  await page.getByRole("heading", { name: "is online" }).scrollIntoViewIfNeeded();
  await take();
  return pictures;
}

// film makes an animated PNG of PNGs of one size and kind. It is played once, and stays at its end.
// https://www.w3.org/TR/png-3/#apng-frame-based-animation
function film(pictures, ms) {
  const all = pictures.map(chunks);
  const header = all[0].find(({ type }) => type === "IHDR").data;
  const out = [chunk("IHDR", header), chunk("acTL", numbers([4, all.length], [4, 1]))];
  let sequence = 0;
  all.forEach((parts, n) => {
    out.push(chunk("fcTL", numbers([4, sequence++], [4, header.readUInt32BE(0)], [4, header.readUInt32BE(4)], [4, 0], [4, 0], [2, ms], [2, 1000], [1, 0], [1, 0])));
    for (const { data } of parts.filter(({ type }) => type === "IDAT")) {
      out.push(n === 0 ? chunk("IDAT", data) : chunk("fdAT", Buffer.concat([numbers([4, sequence++]), data])));
    }
  });
  return Buffer.concat([pictures[0].subarray(0, 8), ...out, chunk("IEND", Buffer.alloc(0))]);
}

// chunks takes a PNG apart.
function chunks(png) {
  const found = [];
  for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at)) {
    found.push({ type: png.toString("latin1", at + 4, at + 8), data: png.subarray(at + 8, at + 8 + png.readUInt32BE(at)) });
  }
  return found;
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  return Buffer.concat([numbers([4, data.length]), body, numbers([4, crc(body)])]);
}

// numbers writes pairs of a length in bytes and a number.
function numbers(...list) {
  return Buffer.concat(list.map(([length, value]) => {
    const bytes = Buffer.alloc(length);
    bytes.writeUIntBE(value, 0, length);
    return bytes;
  }));
}

function crc(data) {
  let sum = ~0;
  for (const byte of data) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) {
      sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
    }
  }
  return ~sum >>> 0;
}
