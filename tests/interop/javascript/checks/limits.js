import { deepStrictEqual as equal, ok } from "node:assert";

/** What one message may have at most. */
const LIMIT = 1_000_000;

export default (setting) => {
  // An envelope has less than a hundred bytes; base64 makes four of three.
  const isBase64 = setting.isText && setting.isMsgpack;
  const most = (isBase64 ? (LIMIT / 4) * 3 : LIMIT) - 100;
  const text = (length) => "0123456789abcdef".repeat(length / 16 + 1).slice(0, length);

  return {
    "900 KB of text both ways": async (t) => {
      const socket = await t.connect();
      const value = text(isBase64 ? 675_000 : 900_000);
      ok((await t.call(socket, "echo", value))[0] === value);
    },

    "just under a million bytes of text both ways": async (t) => {
      const socket = await t.connect();
      const value = text(most);
      ok((await t.call(socket, "echo", value))[0] === value);
      ok((await t.call(socket, "echo", value))[0] === value);
    },

    "just under a million bytes both ways": async (t) => {
      const socket = await t.connect();
      const value = Buffer.alloc((setting.isText ? (LIMIT / 4) * 3 : LIMIT) - 100, "jidda");
      const [answer] = await t.call(socket, "echo", value);
      ok(value.equals(Buffer.from(answer)));
    },

    "400 KB of what is beyond the BMP, both ways": async (t) => {
      const socket = await t.connect();
      // What came garbled has to go back the same way.
      if (setting.isGarbled) await t.settled(socket);
      const value = "😀𝒳".repeat(50_000);
      ok((await t.call(socket, "echo", value))[0] === value);
    },

    // Older clients write all that waits into one request, however much a server takes.
    ...((setting.version === "4.8" || setting.transport === "websocket") && {
      "five times 300 KB in one go": async (t) => {
        const socket = await t.connect();
        const value = text(300_000);
        const answers = await Promise.all([1, 2, 3, 4, 5].map((n) => t.call(socket, "echo", n, value)));
        answers.forEach((answer, n) => ok(answer[0] === n + 1 && answer[1] === value));
      },
    }),

    "more than a million bytes end the connection, and no other": async (t) => {
      const left = await t.watch();
      const socket = await t.connect();
      const other = await t.connect();
      await t.settled(socket);
      const reason = t.once(socket, "disconnect");
      socket.emit("echo", text(LIMIT + 1));
      const isPolling = socket.io.engine.transport.name === "polling";
      equal((await reason)[0], isPolling ? "transport error" : "transport close");
      await left(socket);
      equal(await t.call(other, "echo", 1), [1]);
    },
  };
};
