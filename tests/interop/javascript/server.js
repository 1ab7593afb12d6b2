// Starts the server under test: the command in SERVER, which `run.sh` sets, prints its address as its fourth word.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** `reference` or `jidda`: where jidda differs on purpose, a check asks for it. */
export const TARGET = process.env.TARGET ?? "reference";

const running = new Set();
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));

export class Server {
  static async start(options = [], address = "127.0.0.1:0") {
    const [program, ...words] = process.env.SERVER.split(" ");
    const child = spawn(program, [...words, address, ...options], { stdio: ["ignore", "pipe", "inherit"] });
    running.add(child);
    child.once("exit", () => running.delete(child));
    const lines = createInterface(child.stdout);
    const line = await Promise.race([once(lines, "line"), once(child, "exit").then(() => [""])]);
    const listening = /listens on tcp:\/\/(\S+)/.exec(line[0]);
    if (!listening) throw new Error(`the server did not start: ${line[0]}`);
    return new Server(child, options, listening[1]);
  }

  constructor(child, options, address) {
    this.child = child;
    this.options = options;
    this.address = address;
  }

  get url() {
    return `http://${this.address}`;
  }

  /** Ends the process with a signal; done when it is gone. */
  async end(signal) {
    const gone = this.child.exitCode ?? this.child.signalCode;
    if (gone === null) {
      const exit = once(this.child, "exit");
      this.child.kill(signal);
      await exit;
    }
  }

  /** The same server again, at the same address. */
  again() {
    return Server.start(this.options, this.address);
  }
}
