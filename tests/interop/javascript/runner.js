// Runs checks one after the other: a line for each that failed, and a summary.

import { inspect } from "node:util";

/** Far longer than anything takes: it finds what never comes. */
const LIMIT = 10_000;

export class Runner {
  passed = 0;
  failed = 0;

  /** ONLY=text runs the checks whose name has that text in it. */
  constructor(subject, only = process.env.ONLY ?? "") {
    this.subject = subject;
    this.only = only;
    // A listener of a client's threw: the check that waits for it says where it stands when its time is over.
    process.on("uncaughtException", (error) => this.fail("an exception that nobody caught", error));
    process.on("unhandledRejection", (error) => this.fail("a rejection that nobody caught", error));
  }

  /** Runs what `body` does with a new `Session`, with everything in it closed at its end. */
  async check(name, session, body) {
    name = `${this.subject} ${name}`;
    if (!name.includes(this.only)) return;
    const start = performance.now();
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`in vain: ${[...session.waiting].join(", ")}`)), LIMIT);
    });
    try {
      await Promise.race([body(session), late]);
      this.passed++;
    } catch (error) {
      this.fail(name, error);
    }
    clearTimeout(timer);
    session.close();
    if (process.env.TIMES) console.log(`${Math.round(performance.now() - start)} ms ${name}`);
  }

  fail(name, error) {
    this.failed++;
    const text = error instanceof Error ? `${error.message}` : inspect(error);
    console.log(`FAILED ${name}: ${text.replaceAll(/\s*\n\s*/g, " ").slice(0, 1000)}`);
    if (process.env.TRACE) console.log(error?.stack);
  }

  finish() {
    console.log(`${this.subject}: ${this.passed} passed, ${this.failed} failed`);
    process.exit(this.failed === 0 ? 0 : 1);
  }
}

/** Values that came, in order, for someone who takes them one by one. */
export class Inbox {
  all = [];
  #taken = 0;
  #waiting = [];

  constructor(session, what) {
    this.session = session;
    this.what = what;
  }

  put(value) {
    this.all.push(value);
    this.#waiting.shift()?.();
  }

  /** The next one, which may be there already. */
  async next() {
    const place = this.#taken++;
    if (place >= this.all.length) {
      await this.session.wait(this.what, (resolve) => this.#waiting.push(resolve));
    }
    return this.all[place];
  }

  /** The next that `fits`; what comes before it is passed over. */
  async find(fits) {
    for (;;) {
      const value = await this.next();
      if (fits(value)) return value;
    }
  }
}

/** What one check opened and waits for. */
export class Session {
  static #count = 0;
  waiting = new Set();
  #open = [];

  /** A name that no other check uses. */
  name(kind) {
    return `${kind} ${++Session.#count}`;
  }

  wait(what, start) {
    this.waiting.add(what);
    return new Promise(start).finally(() => this.waiting.delete(what));
  }

  /** To be called at the end. */
  atEnd(close) {
    this.#open.push(close);
  }

  close() {
    for (const close of this.#open.reverse()) close();
  }
}
