import { deepStrictEqual as equal } from "node:assert";
import { TARGET } from "../server.js";

export default (setting) => ({
  "several on one connection": async (t) => {
    const root = await t.connect("/", "root");
    const chat = t.also(root, "/chat", "chat");
    const orders = t.also(root, "/orders/7", "orders");
    await Promise.all([t.connected(chat), t.connected(orders)]);
    equal(await t.call(root, "whoami"), ["/", "root"]);
    equal(await t.call(chat, "whoami"), ["/chat", "chat"]);
    equal(await t.call(orders, "whoami"), ["/orders/7", "orders"]);
    const connection = await t.call(root, "connection");
    equal(await t.call(chat, "connection"), connection);
    equal(await t.call(orders, "connection"), connection);
    // To 1.x, a socket's id is its connection's.
    if (setting.major > 1) {
      for (const socket of [root, chat, orders]) equal(await t.call(socket, "rooms"), [[socket.id]]);
      equal(new Set([root.id, chat.id, orders.id]).size, 3);
    }
    if (setting.isOld) equal(await t.call(chat, "rooms"), [[`/chat#${root.id}`]]);
  },

  ...(setting.major > 1 && {
    "an id is a room in each": async (t) => {
      const root = await t.connect();
      const chat = await t.connected(t.also(root, "/chat"));
      const heard = [root, chat].map((socket) => t.inbox(socket, "said"));
      await t.call(root, "tell", [root.id], [], "to root");
      await t.call(chat, "tell", [chat.id], [], "to chat");
      equal(await heard[0].next(), ["to root"]);
      equal(await heard[1].next(), ["to chat"]);
    },
  }),

  "one alone": async (t) => {
    const chat = await t.connect("/chat", "ada");
    equal(await t.call(chat, "whoami"), ["/chat", "ada"]);
  },

  "one of a family": async (t) => {
    const orders = await t.connect("/orders/7");
    equal(await t.call(orders, "describe", "order "), ["order 7"]);
    const other = await t.connected(t.also(orders, "/orders/8"));
    equal(await t.call(other, "describe", "order "), ["order 8"]);
  },

  "an unknown one is refused, and the others stay": async (t) => {
    const root = await t.connect();
    const refusal = await t.refused(t.also(root, "/nowhere"));
    // Node has no other form for the old protocol here, though the old server wrote the bare message.
    const old = TARGET === "jidda" ? "Invalid namespace" : { message: "Invalid namespace" };
    equal(refusal, setting.isOld ? old : { message: "Invalid namespace", data: undefined });
    equal(await t.call(root, "echo", 1), [1]);
  },

  "one refuses, and the others stay": async (t) => {
    const root = await t.connect();
    const refusal = await t.refused(t.also(root, "/chat", "wrong"));
    const expected = { message: "who are you?", data: { code: "denied" } };
    equal(refusal, setting.isOld ? "who are you?" : expected);
    equal(await t.call(root, "echo", 1), [1]);
  },

  "events stay in their namespace": async (t) => {
    const [a, b] = await Promise.all([t.connect(), t.connect()]);
    const [chatA, chatB] = await Promise.all([a, b].map((socket) => t.connected(t.also(socket, "/chat"))));
    const [root, chat] = [t.inbox(b, "said"), t.inbox(chatB, "said")];
    const room = t.name("room");
    for (const socket of [a, b, chatA, chatB]) await t.call(socket, "join", room);
    await t.call(chatA, "say", [room], [], "in chat");
    await t.call(a, "say", [room], [], "in root");
    equal(await chat.next(), ["in chat"]);
    equal(await root.next(), ["in root"]);
    await t.call(b, "echo");
    await t.call(chatB, "echo");
    equal([root.all.length, chat.all.length], [1, 1]);
  },

  "members of a family are strangers": async (t) => {
    const [seven, also, eight] = await Promise.all([
      t.connect("/orders/7"),
      t.connect("/orders/7"),
      t.connect("/orders/8"),
    ]);
    const [heard, unheard] = [t.inbox(also, "said"), t.inbox(eight, "said")];
    await t.call(seven, "say", [], [], "order");
    equal(await heard.next(), ["order"]);
    await t.call(eight, "echo");
    equal(unheard.all, []);
  },

  "bytes and acknowledgements in one": async (t) => {
    const chat = await t.connect("/chat");
    const [answer] = await t.call(chat, "echo", Buffer.from([1, 2]));
    equal(Buffer.from(answer).toString("hex"), "0102");
  },

  "one is left and joined again, and the others stay": async (t) => {
    const left = await t.watch();
    const root = await t.connect();
    const chat = await t.connected(t.also(root, "/chat"));
    const reason = t.once(chat, "disconnect");
    chat.disconnect();
    equal((await reason)[0], "io client disconnect");
    equal(await left(chat, "/chat"), { reason: "client namespace disconnect", rooms: [] });
    equal(await t.call(root, "echo", 1), [1]);
    chat.connect();
    await t.connected(chat);
    equal(await t.call(chat, "whoami"), ["/chat", chat.token]);
  },

  "the server ends one, and the others stay": async (t) => {
    const left = await t.watch();
    const root = await t.connect();
    const chat = await t.connected(t.also(root, "/chat"));
    const reason = t.once(chat, "disconnect");
    chat.emit("bye");
    equal((await reason)[0], "io server disconnect");
    equal(await left(chat, "/chat"), { reason: "server namespace disconnect", rooms: [] });
    equal(await t.call(root, "echo", 1), [1]);
  },
});
