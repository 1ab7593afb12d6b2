import { deepStrictEqual as equal } from "node:assert";
import { TARGET } from "../server.js";

export default (setting) => ({
  "the client leaves": async (t) => {
    const left = await t.watch();
    const socket = await t.connect();
    const [x, y] = [t.name("room"), t.name("room")];
    await t.call(socket, "join", x);
    await t.call(socket, "join", y);
    const reason = t.once(socket, "disconnect");
    socket.disconnect();
    equal((await reason)[0], "io client disconnect");
    // The rooms can still be read when it has left.
    equal(await left(socket), { reason: "client namespace disconnect", rooms: [x, y].sort() });
  },

  "the server ends the socket": async (t) => {
    const left = await t.watch();
    const socket = await t.connect();
    const reason = t.once(socket, "disconnect");
    socket.emit("bye");
    equal((await reason)[0], "io server disconnect");
    equal(await left(socket), { reason: "server namespace disconnect", rooms: [] });
  },

  "the server ends the socket, and it connects again": async (t) => {
    const socket = await t.connect();
    const reason = t.once(socket, "disconnect");
    // Older clients close the new connection, too, if it is there before the old one is gone.
    const closed = t.once(socket.io.engine, "close");
    socket.emit("bye");
    await Promise.all([reason, closed]);
    socket.connect();
    await t.connected(socket);
    equal(await t.call(socket, "echo", 1), [1]);
  },

  "the server closes the connection": async (t) => {
    const left = await t.watch();
    const socket = await t.connect();
    const chat = await t.connected(t.also(socket, "/chat"));
    const reasons = [socket, chat].map((socket) => t.once(socket, "disconnect"));
    const closed = t.once(socket.io.engine, "close");
    socket.emit("close");
    for (const reason of reasons) equal((await reason)[0], "io server disconnect");
    await closed;
    // jidda has a reason of its own for it, where Node leaves each namespace by itself.
    const expected = TARGET === "jidda" ? "forced close" : "server namespace disconnect";
    equal(await left(socket), { reason: expected, rooms: [] });
    equal(await left(chat, "/chat"), { reason: expected, rooms: [] });
  },

  "the client closes the connection": async (t) => {
    const left = await t.watch();
    const socket = await t.connect();
    const reason = t.once(socket, "disconnect");
    socket.io.engine.close();
    equal((await reason)[0], "forced close");
    equal(await left(socket), { reason: "transport close", rooms: [] });
  },

  ...(setting.transport === "websocket" && {
    "the connection breaks": async (t) => {
      const left = await t.watch();
      const socket = await t.connect();
      const reason = t.once(socket, "disconnect");
      socket.io.engine.transport.ws._socket.end();
      equal((await reason)[0], "transport close");
      equal(await left(socket), { reason: "transport close", rooms: [] });
    },
  }),

  ...(setting.transport === "polling" && {
    "the client drops its poll": async (t) => {
      const left = await t.watch();
      const socket = await t.connect();
      await t.call(socket, "echo");
      const poll = await t.poll(socket);
      // As a page does that is closed: it says nothing more.
      socket.io.engine.transport.doClose = () => {};
      poll.destroy();
      equal(await left(socket), { reason: "transport error", rooms: [] });
    },
  }),
});
