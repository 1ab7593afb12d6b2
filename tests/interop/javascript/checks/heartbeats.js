// With a server that wants a sign of life each 200 ms, and gives up after one second without.

import { deepStrictEqual as equal } from "node:assert";

export const HEARTBEAT = ["--heartbeat", "200"];

export default (setting) => ({
  "lives on by its heartbeats": async (t) => {
    const socket = await t.connect();
    const packets = t.inbox(socket.io.engine, "packet");
    // In the old protocol it is the client that asks.
    const sign = setting.isOld ? "pong" : "ping";
    for (let n = 0; n < 4; n++) await packets.find(([packet]) => packet.type === sign && packet.data !== "probe");
    equal(await t.call(socket, "echo", 1), [1]);
  },

  "gives no sign of life": async (t) => {
    const left = await t.watch();
    const socket = await t.connect();
    await t.settled(socket);
    const { engine } = socket.io;
    // So that it is the server that gives up first.
    engine.pingTimeout = engine._pingTimeout = 60_000;
    await t.call(socket, "echo");
    const send = engine.sendPacket ?? engine._sendPacket;
    const name = engine.sendPacket ? "sendPacket" : "_sendPacket";
    const sign = setting.isOld ? "ping" : "pong";
    engine[name] = (type, ...more) => type === sign || send.call(engine, type, ...more);
    equal(await left(socket), { reason: "ping timeout", rooms: [] });
  },

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
