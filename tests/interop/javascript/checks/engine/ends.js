import { deepStrictEqual as equal } from "node:assert";

export default (setting) => ({
  "the client closes": async (t) => {
    const left = await t.watch();
    const opened = await t.open();
    const name = await t.named(opened);
    const reason = t.once(opened.socket, "close");
    opened.socket.close();
    equal(await reason, "forced close");
    equal(await left(name), "transport close");
  },

  "the server closes": async (t) => {
    const left = await t.watch();
    const opened = await t.open();
    const name = await t.named(opened);
    await t.settled(opened.socket);
    const reason = t.once(opened.socket, "close");
    opened.socket.send("close");
    equal(await reason, "transport close");
    equal(await left(name), "forced close");
  },

  "what was sent before the server closes comes before it": async (t) => {
    const { socket, messages } = await t.open();
    const reason = t.once(socket, "close");
    for (let n = 0; n < 10; n++) socket.send(`last ${n}`);
    socket.send("close");
    await reason;
    equal(messages.all, [...Array(10).keys()].map((n) => `last ${n}`));
  },

  ...(setting.transport.startsWith("websocket") && {
    "the connection breaks": async (t) => {
      const left = await t.watch();
      const opened = await t.open();
      const name = await t.named(opened);
      const reason = t.once(opened.socket, "close");
      opened.socket.transport.ws._socket.end();
      equal(await reason, "transport close");
      equal(await left(name), "transport close");
    },
  }),
});
