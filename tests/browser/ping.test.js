// The page that measures round trips.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Browser, looksGood, shows } from "./pages.js";
import { Program, endAll } from "./program.js";

let browser;
before(async () => (browser = await Browser.start()));
after(endAll);

const number = async (page, id) => Number(await page.locator(`#${id}`).textContent());

/** Waits until so many calls were answered. */
const answered = (page, count) =>
  page.waitForFunction((count) => Number(document.getElementById("received").textContent) >= count, count);

test("round trips are measured until one pauses, and after the server was away", async () => {
  const { server, address } = await Program.serve("ping");
  const page = await browser.open(address);
  await shows(page, "#state", "connected by websocket");
  await shows(page, "#me", /^The server sees you as 127\.0\.0\.1:\d+\.$/);
  await page.getByLabel("every").selectOption("moment");
  await answered(page, 130);
  await shows(page, "#median", /^\d+\.\d ms$/);
  await shows(page, "#p99", /ms$/);
  assert.equal(await page.locator("#chart rect").count(), 120);
  assert.match(await page.locator("#chart").getAttribute("aria-label"), /^the last 120 round trips, /);

  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByRole("button", { name: "Go on" }).waitFor();
  await page.waitForFunction(
    () => document.getElementById("sent").textContent === document.getElementById("received").textContent,
  );
  await looksGood(page, "ping");

  await page.getByRole("button", { name: "Start over" }).click();
  await shows(page, "#sent", "0");
  await page.getByRole("button", { name: "Go on" }).click();
  await answered(page, 5);

  page.mayLoseSession = true;
  await server.terminate();
  await shows(page, "#state", /trying again…$/);
  const { server: next } = await Program.serve("ping", address);
  await shows(page, "#state", "connected by websocket");
  await answered(page, (await number(page, "received")) + 5);
  assert.ok((await number(page, "sent")) - (await number(page, "received")) <= 2, "one call at a time");
  await next.terminate();
});

test("no page complained", () => browser.end());
