// Pages of a headless Chromium, as two people at two machines would have them.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { LIMIT } from "./program.js";

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const SCREENSHOTS = join(process.env.CARGO_TARGET_DIR ?? "target", "browser");
const WIDTHS = [360, 1280];
const SCHEMES = ["light", "dark"];
/** What Chromium itself writes to the console while a server goes, is away, or does not know a session any more. */
const WHILE_AWAY = new RegExp(
  "ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|WebSocket connection to .* failed|" +
    "status of 503|status of 400 .*&sid=",
);

export class Browser {
  static async start() {
    mkdirSync(SCREENSHOTS, { recursive: true });
    const self = new Browser();
    // Each launch has a fresh profile.
    self.chromium = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    });
    self.pages = [];
    return self;
  }

  /** A page with cookies, storage and connections of its own. */
  async open(address, prepare = async () => {}) {
    const context = await this.chromium.newContext({ viewport: { width: 1280, height: 800 } });
    const page = await context.newPage();
    page.setDefaultTimeout(LIMIT);
    page.problems = [];
    page.on("pageerror", (error) => page.problems.push(String(error)));
    page.on("console", (message) => {
      const text = `${message.text()} (${message.location().url})`;
      if (message.type() !== "error" || (page.mayLoseSession && WHILE_AWAY.test(text))) return;
      page.problems.push(text);
    });
    await prepare(page);
    await page.goto(`http://${address}/`);
    this.pages.push(page);
    return page;
  }

  /** Ends, and fails if any page complained. */
  async end() {
    const problems = this.pages.flatMap((page) => page.problems);
    await this.chromium.close();
    assert.deepEqual(problems, [], "a page wrote errors to the console");
  }
}

/** Waits until an element has a text, all of it or what a pattern matches. */
export async function shows(page, selector, expected) {
  const pattern = expected instanceof RegExp ? expected.source : `^${expected.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")}$`;
  try {
    await page.waitForFunction(
      ([selector, pattern]) => {
        const element = document.querySelector(selector);
        return element !== null && new RegExp(pattern).test(element.textContent);
      },
      [selector, pattern],
    );
  } catch (error) {
    const texts = await page.locator(selector).allTextContents();
    throw new Error(`${selector} shows ${JSON.stringify(texts)}, not ${expected}`, { cause: error });
  }
}

/** Takes screenshots, narrow and wide, light and dark, and checks what a machine can say about each. */
export async function looksGood(page, name) {
  const before = page.viewportSize();
  await page.addScriptTag({ path: AXE });
  for (const width of WIDTHS) {
    for (const colorScheme of SCHEMES) {
      await page.setViewportSize({ width, height: width < 600 ? 740 : 800 });
      await page.emulateMedia({ colorScheme });
      const path = join(SCREENSHOTS, `${name}-${width}-${colorScheme}.png`);
      await page.screenshot({ path, fullPage: true });
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      assert.ok(overflow <= 0, `${path}: ${overflow} px wider than the window`);
      const { violations } = await page.evaluate(() => window.axe.run());
      const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`);
      assert.deepEqual(found, [], path);
    }
  }
  await page.setViewportSize(before);
  await page.emulateMedia({ colorScheme: null });
}
