import { deepStrictEqual as equal } from "node:assert";
import { Inbox } from "../../runner.js";
import { TARGET } from "../../server.js";
import { silence } from "../heartbeats.js";

export default (setting) => ({
  "lives on by its heartbeats": async (t) => {
    const { socket, messages } = await t.open();
    const packets = new Inbox(t, "heartbeat");
    const sign = setting.isOld ? "pong" : "ping";
    socket.on("packet", (packet) => packet.type === sign && packet.data !== "probe" && packets.put(packet));
    for (let n = 0; n < 4; n++) await packets.next();
    socket.send("alive");
    equal(await messages.next(), "alive");
  },

  // The reference forgets its timer at an upgrade, until the client asks for the first time.
  ...((TARGET === "jidda" || !setting.isOld || setting.transport !== "upgrade") && {
    "gives no sign of life": async (t) => {
      const left = await t.watch();
      const opened = await t.open();
      const { socket } = opened;
      await t.settled(socket);
      silence(socket, setting.isOld ? "ping" : "pong");
      const name = await t.named(opened);
      equal(await left(name), "ping timeout");
    },
  }),
});
