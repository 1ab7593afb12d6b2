// A program under test: its lines are waited for, never slept for.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** Far longer than anything takes, even on a busy machine. */
export const LIMIT = 60_000;

const EXAMPLES = join(process.env.CARGO_TARGET_DIR ?? "target", "debug", "examples");
const running = new Set();

/** Whatever a failed test leaves behind ends with it. */
export function endAll() {
  for (const program of running) program.child.kill("SIGKILL");
}

export class Program {
  constructor(command, parameters, variables = {}) {
    this.name = [command, ...parameters].join(" ");
    this.lines = [];
    this.waiting = new Set();
    this.child = spawn(command, parameters, { env: { ...process.env, ...variables } });
    running.add(this);
    // It may not even have started.
    this.ended = once(this.child, "close").then(
      ([code]) => this.over(code),
      (error) => this.over(String(error)),
    );
    for (const stream of [this.child.stdout, this.child.stderr]) {
      createInterface(stream).on("line", (line) => {
        this.lines.push(line);
        this.wake();
      });
    }
  }

  static example(name, ...parameters) {
    return new Program(join(EXAMPLES, name), parameters);
  }

  /** A server, and where it listens: at a port that the system chooses, or at one that was chosen before. */
  static async serve(name, address = "127.0.0.1:0") {
    const server = new Program(join(EXAMPLES, name), ["server"], { JIDDA_LISTEN: address });
    const line = await server.line("jidda listens on ");
    return { server, address: line.match(/tcp:\/\/(\S+)/)[1].replace(/,$/, "") };
  }

  over(code) {
    running.delete(this);
    this.wake();
    return code;
  }

  wake() {
    for (const look of [...this.waiting]) look();
  }

  /** Waits for a line that contains `text`, among those after the last one that was waited for. */
  async line(text) {
    let seen = this.seen ?? 0;
    let look;
    let timer;
    try {
      return await new Promise((found, failed) => {
        look = () => {
          for (; seen < this.lines.length; seen += 1) {
            if (!this.lines[seen].includes(text)) continue;
            this.seen = seen + 1;
            return found(this.lines[seen]);
          }
          if (!running.has(this)) failed(new Error(`no \`${text}\` from ${this}, which ended`));
        };
        timer = setTimeout(() => failed(new Error(`no \`${text}\` from ${this}`)), LIMIT);
        this.waiting.add(look);
        look();
      });
    } finally {
      clearTimeout(timer);
      this.waiting.delete(look);
    }
  }

  type(line) {
    this.child.stdin.write(`${line}\n`);
  }

  /** Asks the program to end, as a process manager does, and waits for it. */
  async terminate() {
    this.child.kill("SIGTERM");
    assert.equal(await this.ended, 0, `${this}`);
  }

  toString() {
    return `${this.name}, which printed:\n${this.lines.join("\n")}\n`;
  }
}
