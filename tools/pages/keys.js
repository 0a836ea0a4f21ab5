// Uses a page with the keyboard only.

const most = 80; // presses of Tab until something must have been reached

// tabTo presses Tab until what the locator finds has the focus, which must be seen.
export async function tabTo(page, locator) {
  await locator.first().waitFor();
  for (let n = 0; n < most; n++) {
    await page.keyboard.press("Tab");
    if (await locator.first().evaluate((element) => element === document.activeElement)) {
      await mustShowFocus(page);
      return;
    }
  }
  throw new Error(`Tab does not reach ${locator}`);
}

// press goes to what the locator finds, and presses a key there.
export async function press(page, locator, key = "Enter") {
  await tabTo(page, locator);
  await page.keyboard.press(key);
}

// type goes to a field, and writes into it.
export async function type(page, locator, text) {
  await tabTo(page, locator);
  await page.keyboard.type(text);
}

// mustShowFocus complains if nobody sees what has the focus.
async function mustShowFocus(page) {
  const hidden = await page.evaluate(() => {
    const element = document.activeElement;
    const { outlineStyle, outlineWidth } = getComputedStyle(element);
    const { width, height } = element.getBoundingClientRect();
    return outlineStyle === "none" || outlineWidth === "0px" || width < 2 || height < 2 ? element.outerHTML.slice(0, 100) : "";
  });
  if (hidden) {
    page.seen.complaints.push(`the focus is not seen on ${hidden}`);
  }
}
