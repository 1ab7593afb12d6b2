// The chatroom: two browsers, a terminal and Python in the same rooms.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Browser, looksGood, shows } from "./pages.js";
import { Program, endAll } from "./program.js";

const PYTHON = process.env.JIDDA_PYTHON ?? "python3";

let browser;
let server;
let address;
let ada;
let bob;
let carl;
let dora;

before(async () => {
  browser = await Browser.start();
  ({ server, address } = await Program.serve("chatroom"));
});
after(endAll);

/** Opens the page and comes in. */
async function comeIn(name) {
  const page = await browser.open(address);
  await page.getByLabel("What shall the others call you?").fill(name);
  await page.getByRole("button", { name: "Come in" }).click();
  return page;
}

async function say(page, text) {
  await page.getByLabel("Your line").fill(text);
  await page.getByRole("button", { name: "Send" }).click();
  await page.waitForFunction(() => document.getElementById("text").value === "");
}

/** Waits until the page shows a line, or a piece of news. */
const hears = (page, text) => page.locator("#lines > *", { hasText: text }).first().waitFor();

const heard = (page, text) => page.locator("#lines > *", { hasText: text }).count();

const isHere = async (page, ...names) => {
  for (const name of names) await page.locator("#here li", { hasText: name }).waitFor();
  assert.equal(await page.locator("#here li").count(), names.length);
};

test("two browsers come in and see each other", async () => {
  ada = await comeIn("ada");
  await shows(ada, "#state", "connected by websocket");
  await isHere(ada, "ada (you)");
  bob = await comeIn("bob");
  await hears(ada, "bob came");
  await isHere(bob, "ada", "bob (you)");
  await isHere(ada, "ada (you)", "bob");
});

test("a terminal and Python come in to the same room", async () => {
  carl = Program.example("chatroom", "client", "carl", address);
  await carl.line("* you are in the lobby, with ");
  await hears(ada, "carl came");
  dora = new Program(PYTHON, ["-u", "examples/chatroom/client.py", "dora", `http://${address}`]);
  await dora.line("* you are in the lobby, with ");
  await carl.line("* dora came");
  for (const page of [ada, bob]) await page.locator("#here li", { hasText: "dora" }).waitFor();
  await isHere(ada, "ada (you)", "bob", "carl", "dora");
});

test("what one says, all hear, in the same order", async () => {
  await say(ada, "Hello from a browser <b>&amp; nothing else</b>");
  await hears(bob, "Hello from a browser <b>&amp; nothing else</b>");
  await say(bob, "Hello from another 🐑");
  await carl.line("bob: Hello from another 🐑");
  carl.type("Hello from a terminal");
  await dora.line("carl: Hello from a terminal");
  dora.type("Hello from Python");
  await carl.line("dora: Hello from Python");
  for (const page of [ada, bob]) await hears(page, "Hello from Python");

  const numbered = (lines) => lines.filter((line) => /^\d/.test(line));
  assert.deepEqual(numbered(carl.lines), numbered(dora.lines));
  assert.equal(numbered(carl.lines).length, 4);
  const texts = await ada.locator("#lines .line p").allTextContents();
  assert.deepEqual(texts, numbered(carl.lines).map((line) => line.slice(line.indexOf(": ") + 2)));
  assert.deepEqual(await bob.locator("#lines .line p").allTextContents(), texts);
});

test("who types is seen until the line is there", async () => {
  // A notice may be dropped: it is sent again while one goes on typing.
  const typed = bob.getByLabel("Your line").pressSequentially("well, well, well, well", { delay: 100 });
  await shows(ada, "#typing", "bob is typing…");
  await looksGood(ada, "chatroom");
  await typed;
  await bob.getByRole("button", { name: "Send" }).click();
  await hears(ada, "well");
  await shows(ada, "#typing", "");
});

test("whoever is in another room hears that room only", async () => {
  await bob.getByRole("button", { name: "kitchen" }).click();
  await shows(bob, "#room", "kitchen");
  await hears(ada, "bob left: went to the kitchen");
  carl.type("/go kitchen");
  await carl.line("* you are in the kitchen, with ");
  await hears(bob, "carl came");
  await say(bob, "Soup?");
  await carl.line("bob: Soup?");
  await say(ada, "Are you still there?");
  await dora.line("ada: Are you still there?");
  assert.equal(await heard(ada, "Soup?"), 0);
  assert.equal(await heard(bob, "Are you still there?"), 0);

  await bob.getByRole("button", { name: "lobby" }).click();
  await hears(bob, "Are you still there?");
  carl.type("/go lobby");
  await carl.line("* you are in the lobby, with ");
  carl.type("/go cellar");
  await carl.line("there is no cellar, only lobby, kitchen, garden");
  dora.type("/go cellar");
  await dora.line("there is no cellar, only lobby, kitchen, garden");
});

test("a name is taken once, and free when it is left", async () => {
  const eve = await comeIn("ada");
  // Refused where it wanted to be, the client ends its session: a poll that is on its way then finds none.
  eve.mayLoseSession = true;
  await shows(eve, "#refused", "somebody here is called ada already");
  await looksGood(eve, "chatroom-refused");
  const native = Program.example("chatroom", "client", "dora", address);
  assert.equal(await native.ended, 1);
  assert.match(native.lines.join("\n"), /somebody here is called dora already/);

  await eve.getByLabel("What shall the others call you?").fill("eve");
  await eve.getByRole("button", { name: "Come in" }).click();
  await hears(eve, "Are you still there?");
  await isHere(eve, "ada", "bob", "carl", "dora", "eve (you)");
  await eve.close();
  await hears(ada, "eve left: ");
  await carl.line("* eve left: ");
});

test("long names and lines have room", async () => {
  const long = await comeIn("Wilhelmina-MaximilianeXV");
  await long.getByRole("button", { name: "garden" }).click();
  await shows(long, "#room", "garden");
  await say(long, "w".repeat(250));
  await say(long, "Many words make a line that is longer than the window is wide. ".repeat(7).trim());
  await hears(long, "Many words");
  await long.evaluate(() => document.getElementById("problem").append("a problem that is told in a long sentence"));
  await looksGood(long, "chatroom-long");
  await long.setViewportSize({ width: 360, height: 600 });
  await long.waitForFunction(() => {
    const { scrollHeight, scrollTop, clientHeight } = document.getElementById("lines");
    return scrollHeight > clientHeight && scrollHeight - scrollTop - clientHeight < 2;
  });
  await long.close();
  await hears(ada, "Wilhelmina-MaximilianeXV left: went to the garden");
});

test("all come back when the server does", async () => {
  for (const page of [ada, bob]) page.mayLoseSession = true;
  await server.terminate();
  await shows(ada, "#state", /trying again…$/);
  await carl.line("* the connection is lost: ");
  await dora.line("* the connection is lost: ");
  ({ server } = await Program.serve("chatroom", address));
  await carl.line("* you are in the lobby, with ");
  await dora.line("* you are in the lobby, with ");
  for (const page of [ada, bob]) {
    await shows(page, "#state", "connected by websocket");
    for (const name of ["ada", "bob", "carl", "dora"]) await page.locator("#here li", { hasText: name }).waitFor();
  }
  dora.type("Here we are again");
  await carl.line("1 dora: Here we are again");
  for (const page of [ada, bob]) await hears(page, "Here we are again");
});

test("whoever quits leaves", async () => {
  carl.type("/quit");
  assert.equal(await carl.ended, 0);
  await hears(ada, /carl left: (client namespace disconnect|transport close)/);
  dora.type("/quit");
  assert.equal(await dora.ended, 0);
  await hears(ada, /dora left: (client namespace disconnect|transport close)/);
  await isHere(bob, "ada", "bob (you)");
  await server.terminate();
});

test("no page complained", () => browser.end());
