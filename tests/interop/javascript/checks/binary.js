import { deepStrictEqual as equal } from "node:assert";
import { hexed } from "../client.js";

const bytes = (...values) => Buffer.from(values);

export default (setting) => ({
  "bytes from the server, nested, several, empty": async (t) => {
    const socket = await t.connect();
    const expected = [{ list: ["hex:010203", { deep: "hex:ff" }], text: "x" }, "hex:"];
    equal(hexed(await t.call(socket, "bytes")), expected);
  },

  "bytes to the server, nested, several, of every type": async (t) => {
    const socket = await t.connect();
    const { buffer } = new Uint8Array([4, 5, 6]);
    // To 1.x, a typed array is an object.
    const view = setting.major > 1 ? new Uint8Array(buffer) : buffer;
    const values = [bytes(1, 2, 3), { list: [view, { deep: buffer }], text: "x" }, bytes(), 7];
    const expected = ["hex:010203", { list: ["hex:040506", { deep: "hex:040506" }], text: "x" }, "hex:", 7];
    equal(await t.call(socket, "hexed", ...values), expected);
  },

  "bytes there and back": async (t) => {
    const socket = await t.connect();
    const all = bytes(...Array(256).keys());
    const values = [all, { a: { b: [all, "text", bytes(0)] } }, bytes(10, 13)];
    equal(hexed(await t.call(socket, "echo", ...values)), hexed(values));
    const back = t.inbox(socket, "back");
    socket.emit("back", ...values);
    equal(hexed(await back.next()), hexed(values));
  },

  "ten buffers in one event": async (t) => {
    const socket = await t.connect();
    const values = [...Array(10).keys()].map((n) => bytes(n, n));
    equal(hexed(await t.call(socket, "echo", ...values)), hexed(values));
  },

  "what looks like a placeholder": async (t) => {
    const socket = await t.connect();
    const value = { _placeholder: false, num: 7 };
    equal(await t.call(socket, "echo", value), [value]);
  },

  "bytes and text keep their order from the server": async (t) => {
    const socket = await t.connect();
    const items = t.inbox(socket, "item");
    equal(await t.call(socket, "series", 60), []);
    // The answer came after them.
    equal(items.all.length, 60);
    const byte = (n) => `hex:${bytes(n).toString("hex")}`;
    const value = (n) => [`text ${n}`, byte(n), { a: byte(n), b: [byte(n), `hex:${bytes(n, n).toString("hex")}`] }];
    for (let n = 0; n < 60; n++) equal(hexed(items.all[n]), [n, value(n)[n % 3]]);
  },

  "bytes and text keep their order to the server": async (t) => {
    const socket = await t.connect();
    const values = [];
    for (let n = 0; n < 60; n++) values.push([`text ${n}`, bytes(n), { a: bytes(n), b: [bytes(n, n)] }][n % 3]);
    for (const value of values) socket.emit("collect", value);
    equal(await t.call(socket, "collected"), [hexed(values)]);
  },

  "bytes in an answer to the server": async (t) => {
    const socket = await t.connect();
    socket.on("question", (value, answer) => answer({ got: value, more: [bytes(9), "text"] }));
    const [answer] = await t.call(socket, "ask", bytes(1, 2));
    equal(hexed(answer), { got: "hex:0102", more: ["hex:09", "text"] });
  },

  "bytes to a room": async (t) => {
    const [a, b, c] = await Promise.all([t.connect(), t.connect(), t.connect()]);
    const room = t.name("room");
    const heard = [b, c].map((socket) => t.inbox(socket, "said"));
    for (const socket of [a, b, c]) await t.call(socket, "join", room);
    await t.call(a, "say", [room], [], "text", bytes(1), { a: [bytes(2, 3)] });
    await t.call(a, "say", [room], [], "more");
    for (const inbox of heard) {
      equal(hexed(await inbox.next()), ["text", "hex:01", { a: ["hex:0203"] }]);
      equal(await inbox.next(), ["more"]);
    }
  },
});
