import { deepStrictEqual as equal } from "node:assert";
import { TARGET } from "../server.js";

export const TEXTS = ["grüße", "日本語", "😀", "👩‍👩‍👧 𝒳 🏴󠁧󠁢󠁳󠁣󠁴󠁿", "\u2028\u2029", "\u0000\u0007", 'a "quoted\\" one', "\u00ff\u0080", "￿", ""];
const NUMBERS = [0, -1, 1.5, 255, 65536, 2 ** 31, -(2 ** 31), 2 ** 53 - 1, -(2 ** 53) + 1, 1e-7, 5e-324];

export default (setting) => ({
  "several arguments both ways": async (t) => {
    const socket = await t.connect();
    const values = ["text", 1, [2, [3]], { a: { b: null } }, true, null, [], {}];
    equal(await t.call(socket, "echo", ...values), values);
    const back = t.inbox(socket, "back");
    socket.emit("back", ...values);
    equal(await back.next(), values);
  },

  "no arguments both ways": async (t) => {
    const socket = await t.connect();
    equal(await t.call(socket, "echo"), []);
    const back = t.inbox(socket, "back");
    socket.emit("back");
    equal(await back.next(), []);
  },

  "acknowledgements of none, one and several values": async (t) => {
    const socket = await t.connect();
    equal(await t.call(socket, "nothing"), []);
    equal(await t.call(socket, "add", 20, 22), [42]);
    equal(await t.call(socket, "several"), ["one", { two: 2 }, [3]]);
  },

  "acknowledgements of a handler that can fail": async (t) => {
    const socket = await t.connect();
    equal(await t.call(socket, "divide", 6, 2), [3]);
    const error = { code: "zero", message: "division by zero", data: { a: 6 } };
    equal(await t.call(socket, "divide", 6, 0), [{ error }]);
    equal(await t.call(socket, "tell", [socket.id], []), []);
  },

  "many acknowledgements under way": async (t) => {
    const socket = await t.connect();
    const numbers = [...Array(200).keys()];
    const answers = await Promise.all(numbers.map((n) => t.call(socket, "add", n, 1)));
    equal(answers, numbers.map((n) => [n + 1]));
  },

  "answers the server": async (t) => {
    const socket = await t.connect();
    socket.on("question", (a, b, answer) => answer(a + b));
    equal(await t.call(socket, "ask", 20, 22), [42]);
    equal(await t.call(socket, "ask", "a", "b"), ["ab"]);
  },

  "answers the server with none and with several values": async (t) => {
    const socket = await t.connect();
    socket.on("question", (values, answer) => answer(...values));
    equal(await t.call(socket, "ask", []), [null]);
    equal(await t.call(socket, "ask", ["x", { y: 1 }]), [["x", { y: 1 }]]);
  },

  "does not answer the server in time": async (t) => {
    const socket = await t.connect();
    const questions = t.inbox(socket, "question");
    equal(await t.call(socket, "ask in vain"), ["timeout"]);
    // Too late, and no harm.
    const [answer] = await questions.next();
    answer("late");
    equal(await t.call(socket, "echo", 1), [1]);
  },

  "the event `message`": async (t) => {
    const socket = await t.connect();
    const messages = t.inbox(socket, "message");
    const answer = await t.wait("an answer to send", (resolve) => socket.send("hello", resolve));
    equal(answer, "hello");
    equal(await messages.next(), ["hello"]);
  },

  "events keep their order": async (t) => {
    const socket = await t.connect();
    const back = t.inbox(socket, "back");
    const numbers = [...Array(500).keys()];
    for (const n of numbers) {
      socket.emit("collect", n);
      socket.emit("back", n);
    }
    equal(await t.call(socket, "collected"), [numbers]);
    for (const n of numbers) equal(await back.next(), [n]);
  },

  "numbers": async (t) => {
    const socket = await t.connect();
    equal(await t.call(socket, "echo", ...NUMBERS), NUMBERS);
    equal(await t.call(socket, "echo", NUMBERS), [NUMBERS]);
  },

  "unicode": async (t) => {
    const socket = await t.connect();
    // What came garbled has to go back the same way.
    if (setting.isGarbled) await t.settled(socket);
    equal(await t.call(socket, "echo", ...TEXTS), TEXTS);
    const object = Object.fromEntries(TEXTS.map((text) => [text, text]));
    equal(await t.call(socket, "echo", object), [object]);
    for (const text of TEXTS) equal(await t.call(socket, "echo", text), [text]);
    const back = t.inbox(socket, "back");
    for (const text of TEXTS) socket.emit("back", text);
    for (const text of TEXTS) equal(await back.next(), [text]);
  },

  ...(!setting.isGarbled && {
    "unicode of the server's own, and in an event's name": async (t) => {
      const socket = await t.connect();
      equal(await t.call(socket, "grüße 😀", "an"), ["an 😀"]);
      equal(await t.call(socket, "grüße 😀", "😀"), ["😀 😀"]);
    },
  }),

  "undefined": async (t) => {
    const socket = await t.connect();
    const echoed = await t.call(socket, "echo", 1, undefined, { a: undefined, b: 2 });
    // JSON has null for it, or leaves it out.
    equal(echoed.map((value) => value ?? null).slice(0, 2), [1, null]);
    equal(echoed[2].a, undefined);
    equal(echoed[2].b, 2);
  },

  ...(setting.isMsgpack && {
    "a date": async (t) => {
      const socket = await t.connect();
      const date = new Date(1_600_000_000_123);
      // To jidda it is a number, as it is to JSON a text.
      equal(await t.call(socket, "echo", { date }), [{ date: TARGET === "jidda" ? date.getTime() : date }]);
    },
  }),
});
