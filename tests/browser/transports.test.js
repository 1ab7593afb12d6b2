// The page on which one picks a transport.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Browser, looksGood, shows } from "./pages.js";
import { Program, endAll } from "./program.js";

let browser;
let server;
let address;
let page;

before(async () => {
  browser = await Browser.start();
  ({ server, address } = await Program.serve("transports"));
  page = await browser.open(address);
});
after(endAll);

const CHOICES = [
  ["polling", "polling"],
  ["WebSocket", "websocket"],
  ["polling, then upgrade", "websocket"],
];

for (const version of [4, 3]) {
  for (const [choice, transport] of CHOICES) {
    test(`${choice} with Engine.IO ${version}`, async () => {
      await page.getByRole("button", { name: "Clear" }).click();
      await page.getByLabel(choice, { exact: true }).check();
      await page.getByLabel(`Engine.IO ${version}`).check();
      await page.getByRole("button", { name: "Connect", exact: true }).click();
      await shows(page, "#state", `connected by ${transport}`);
      const seen = `^The server sees 127\\.0\\.0\\.1:\\d+, socket\\.io/${version + 1} by ${transport}\\.$`;
      await shows(page, "#about", new RegExp(seen));

      const text = `a "text" 🐑 by ${transport}`;
      await page.getByLabel("Message").fill(text);
      await page.getByRole("button", { name: "Send", exact: true }).click();
      await shows(page, "#count", "1");
      const packets = await page.locator("#packets tr").allTextContents();
      const quoted = JSON.stringify(text);
      const has = (part) => assert.ok(packets.some((packet) => packet.includes(part)), `${part} in ${packets.join("\n")}`);
      has("← in");
      has("open {");
      has(`→ out${transport}message 2`);
      has(`["echo",${quoted}]`);
      has(`[${quoted}]`);
      if (choice.includes("upgrade")) has("upgraded to websocket");
      assert.equal(await page.locator(`#chart rect.${transport}`).count(), 1);

      await page.getByRole("button", { name: "Send 20" }).click();
      await shows(page, "#count", "21");
      await shows(page, "#problem", "");
      if (version === 4 && choice.includes("upgrade")) await looksGood(page, "transports");
      await page.getByRole("button", { name: "Disconnect" }).click();
      await shows(page, "#state", "disconnected: io client disconnect");
    });
  }
}

test("a server that ends is noticed", async () => {
  await page.getByRole("button", { name: "Connect", exact: true }).click();
  await shows(page, "#state", "connected by websocket");
  page.mayLoseSession = true;
  await server.terminate();
  await shows(page, "#state", /^disconnected: (transport close|transport error|io server disconnect)$/);
  assert.ok(await page.getByRole("button", { name: "Send", exact: true }).isDisabled());
});

test("no page complained", () => browser.end());
