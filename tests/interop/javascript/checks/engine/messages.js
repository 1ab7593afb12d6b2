import { deepStrictEqual as equal, match, ok } from "node:assert";
import { hexed } from "../../client.js";
import { TEXTS } from "../events.js";

const LIMIT = 1_000_000;

export default (setting) => ({
  "the handshake": async (t) => {
    const { socket } = t.start();
    const handshake = await t.once(socket, "handshake");
    match(handshake.sid, /^[\w-]{20}$/);
    equal([handshake.pingInterval, handshake.pingTimeout], [25_000, 20_000]);
    equal(handshake.upgrades, setting.transport.startsWith("websocket") ? [] : ["websocket"]);
    if (!setting.isOld) {
      equal(handshake.maxPayload, LIMIT);
      equal(Object.keys(handshake).length, 5);
    }
  },

  "text": async (t) => {
    const { socket, messages } = await t.open();
    for (const text of TEXTS) socket.send(text);
    // To these clients, an empty message has no text.
    for (const text of TEXTS) equal((await messages.next()) ?? "", text);
  },

  "bytes": async (t) => {
    const { socket, messages } = await t.open();
    const all = [Buffer.from([1, 2, 3]), Buffer.from([...Array(256).keys()]), new Uint8Array([4, 5]).buffer];
    for (const bytes of all) socket.send(bytes);
    for (const bytes of all) equal(hexed(await messages.next()), hexed(bytes));
  },

  "no bytes": async (t) => {
    const { socket, messages } = await t.open();
    socket.send(Buffer.alloc(0));
    equal(hexed(await messages.next()), "hex:");
  },

  "text and bytes keep their order": async (t) => {
    const { socket, messages } = await t.open();
    const all = [...Array(200).keys()].map((n) => (n % 3 ? `text ${n}` : Buffer.from([n])));
    for (const message of all) socket.send(message);
    for (const message of all) equal(hexed(await messages.next()), hexed(message));
  },

  "sends before it is open": async (t) => {
    const { socket, messages } = t.start();
    for (let n = 0; n < 10; n++) socket.send(`early ${n}`);
    for (let n = 0; n < 10; n++) equal(await messages.next(), `early ${n}`);
  },

  "just under a million bytes of text": async (t) => {
    const { socket, messages } = await t.open();
    const text = "0123456789".repeat(99_999);
    socket.send(text);
    ok((await messages.next()) === text);
    socket.send(text);
    ok((await messages.next()) === text);
  },

  "just under a million bytes": async (t) => {
    const { socket, messages } = await t.open();
    const bytes = Buffer.alloc(setting.transport === "websocket" ? LIMIT - 10 : (LIMIT / 4) * 3 - 20, "jidda");
    socket.send(bytes);
    ok(bytes.equals(Buffer.from(await messages.next())));
  },

  "400 KB of what is beyond the BMP": async (t) => {
    const { socket, messages } = await t.open();
    const text = "😀𝒳".repeat(50_000);
    socket.send(text);
    ok((await messages.next()) === text);
  },

  ...(setting.transport === "upgrade" && {
    "loses nothing and keeps the order while it upgrades": async (t) => {
      const { socket, messages } = t.start();
      let sent = 0;
      let isUpgraded = false;
      socket.once("upgrade", () => (isUpgraded = true));
      const send = () => {
        for (let n = 0; n < 5; n++) socket.send(sent % 2 ? `${sent++}` : Buffer.from([sent++ % 256]));
      };
      send();
      let heard = 0;
      const hear = async () => {
        const expected = heard % 2 ? `${heard}` : `hex:${Buffer.from([heard % 256]).toString("hex")}`;
        equal(hexed(await messages.next()), expected);
        heard++;
      };
      while (!isUpgraded) {
        await hear();
        send();
      }
      send();
      while (heard < sent) await hear();
      equal(socket.transport.name, "websocket");
    },
  }),
});
