// With a server that wants a sign of life each 200 ms, and gives up after one second without.

import { deepStrictEqual as equal } from "node:assert";
import { TARGET } from "../server.js";

export const HEARTBEAT = ["--heartbeat", "200"];

/** Makes a client send no sign of life any more, and leaves it to the server to give up first. */
export function silence(engine, sign) {
  engine.pingTimeout = engine._pingTimeout = 60_000;
  const member = engine.sendPacket ? "sendPacket" : "_sendPacket";
  const send = engine[member];
  engine[member] = (type, ...more) => type === sign || send.call(engine, type, ...more);
}

export default (setting) => ({
  "lives on by its heartbeats": async (t) => {
    const socket = await t.connect();
    const packets = t.inbox(socket.io.engine, "packet");
    // In the old protocol it is the client that asks.
    const sign = setting.isOld ? "pong" : "ping";
    for (let n = 0; n < 4; n++) await packets.find(([packet]) => packet.type === sign && packet.data !== "probe");
    equal(await t.call(socket, "echo", 1), [1]);
  },

  // The reference forgets its timer at an upgrade, until an old client asks for the first time.
  ...((TARGET === "jidda" || !setting.isOld || setting.transport !== "upgrade") && {
    "gives no sign of life": async (t) => {
      const left = await t.watch();
      const socket = await t.connect();
      await t.settled(socket);
      const { engine } = socket.io;
      silence(engine, setting.isOld ? "ping" : "pong");
      // What comes in sets the client's own timer anew.
      await t.call(socket, "echo");
      equal(await left(socket), { reason: "ping timeout", rooms: [] });
    },
  }),

  "gets no sign of life": async (t) => {
    const socket = await t.connect();
    await t.call(socket, "echo");
    const { child } = setting.server;
    const reason = t.once(socket, "disconnect");
    child.kill("SIGSTOP");
    t.atEnd(() => child.kill("SIGCONT"));
    equal((await reason)[0], "ping timeout");
  },
});
