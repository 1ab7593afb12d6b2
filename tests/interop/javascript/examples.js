// The examples whose clients talk to Node's server, as programs: `node examples.js`, with their folder in EXAMPLES.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { equal } from "node:assert";

import { Inbox, Runner, Session } from "./runner.js";

const require = createRequire(import.meta.url);
const { io } = require("socket.io-client-4.8");
const CHAT = fileURLToPath(new URL("../../../examples/bot/chat.js", import.meta.url));
const MODULES = fileURLToPath(new URL("../node_modules", import.meta.url));

/** A program whose lines are waited for. */
class Program {
  constructor(session, command, words) {
    const env = { ...process.env, NODE_PATH: MODULES };
    this.child = spawn(command, words, { env, stdio: ["ignore", "pipe", "inherit"] });
    this.exit = once(this.child, "exit");
    this.lines = new Inbox(session, `a line of ${command}`);
    createInterface(this.child.stdout).on("line", (line) => this.lines.put(line));
    session.atEnd(() => this.child.kill("SIGKILL"));
  }

  /** The rest of the line that begins like this. */
  async line(beginning) {
    const line = await this.lines.find((line) => line.startsWith(beginning));
    return line.slice(beginning.length);
  }

  async end() {
    const [code] = await this.exit;
    equal(code, 0);
  }
}

function example(session, name, ...words) {
  return new Program(session, `${process.env.EXAMPLES}/${name}`, words);
}

async function chat(session) {
  const url = await new Program(session, "node", [CHAT, "0"]).line("the chat listens on ");
  return url;
}

/** Somebody in the chat. */
async function person(session, url, name) {
  const socket = io(url, { forceNew: true });
  session.atEnd(() => socket.close());
  const inbox = (event) => {
    const inbox = new Inbox(session, event);
    socket.on(event, (...values) => inbox.put(values.join(": ")));
    return inbox;
  };
  const said = inbox("user message");
  const announced = inbox("announcement");
  const answer = session.wait("a nickname", (resolve) => socket.emit("nickname", name, resolve));
  equal(await answer, false);
  return { socket, said, announced };
}

const runner = new Runner("examples");

for (const words of [[], ["blocking"]]) {
  await runner.check(["bot", ...words].join(" "), new Session(), async (session) => {
    const url = await chat(session);
    const ada = await person(session, url, "ada");
    const bot = example(session, "bot", ...words, url);
    await bot.line("the bot is in the chat");
    equal(await ada.announced.next(), "bot connected");
    ada.socket.emit("user message", "is there a bot?");
    equal(await ada.said.next(), "bot: hello ada");
    ada.socket.emit("user message", "bye");
    equal(await ada.announced.next(), "bot disconnected");
    equal(await bot.line("the bot is out: "), "client namespace disconnect");
    await bot.end();
  });
}

await runner.check("bridge", new Session(), async (session) => {
  const url = await chat(session);
  const ada = await person(session, url, "ada");
  const gateway = example(session, "bridge", url, "127.0.0.1:0");
  const address = await gateway.line("the gateway listens on ");
  equal(await ada.announced.next(), "gateway connected");
  const native = example(session, "bridge", "client", address);
  equal(await native.line("in the chat: "), "ada, gateway");
  equal(await ada.said.next(), "gateway: hello from a native client");
  ada.socket.emit("user message", "hello");
  equal(await native.line("ada: "), "hello");
  ada.socket.emit("user message", "bye");
  equal(await native.line("left: "), "client namespace disconnect");
  await native.end();
});

runner.finish();
