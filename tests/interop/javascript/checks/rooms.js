import { deepStrictEqual as equal } from "node:assert";

/** Three sockets, the rooms they are in, and what each heard. */
async function three(t, ...rooms) {
  const sockets = await Promise.all([t.connect(), t.connect(), t.connect()]);
  const heard = sockets.map((socket) => t.inbox(socket, "said"));
  for (const [n, socket] of sockets.entries()) {
    for (const room of rooms[n] ?? []) await t.call(socket, "join", room);
  }
  /** What each has heard by now: an answer comes after whatever was sent before it was asked for. */
  const all = async () => {
    await Promise.all(sockets.map((socket) => t.call(socket, "echo")));
    return heard.map((inbox) => inbox.all.map(([value]) => value));
  };
  return [sockets, all];
}

export default () => ({
  "a broadcast reaches everyone but the sender": async (t) => {
    const [[a], heard] = await three(t);
    await t.call(a, "say", [], [], "hello");
    equal(await heard(), [[], ["hello"], ["hello"]]);
  },

  "the server's own reaches the sender, too": async (t) => {
    const [[a], heard] = await three(t);
    await t.call(a, "tell", [], [], "hello");
    equal(await heard(), [["hello"], ["hello"], ["hello"]]);
  },

  "a room reaches who is in it, and not the sender": async (t) => {
    const room = t.name("room");
    const [[a, b, c], heard] = await three(t, [room], [room]);
    await t.call(a, "say", [room], [], "from a");
    await t.call(c, "say", [room], [], "from c");
    await t.call(b, "tell", [room], [], "from b");
    equal(await heard(), [["from c", "from b"], ["from a", "from c", "from b"], []]);
  },

  "several rooms are a union without duplicates": async (t) => {
    const [x, y] = [t.name("room"), t.name("room")];
    const [[a], heard] = await three(t, [x, y], [x, y], [y]);
    await t.call(a, "tell", [x, y], [], "once");
    await t.call(a, "say", [x, y, x], [], "again");
    equal(await heard(), [["once"], ["once", "again"], ["once", "again"]]);
  },

  "who is excepted hears nothing": async (t) => {
    const [x, y] = [t.name("room"), t.name("room")];
    const [[a, b], heard] = await three(t, [x], [x, y], [x]);
    await t.call(a, "tell", [x], [y], "one");
    await t.call(a, "say", [], [y], "two");
    await t.call(a, "say", [x, y], [y, x], "three");
    await t.call(a, "tell", [x], [b.id], "four");
    equal(await heard(), [["one", "four"], [], ["one", "two", "four"]]);
  },

  "an id is a room": async (t) => {
    const [[a, b, c], heard] = await three(t);
    await t.call(a, "say", [b.id], [], "to b");
    await t.call(a, "tell", [a.id, c.id], [], "to a and c");
    equal(await heard(), [["to a and c"], ["to b"], ["to a and c"]]);
  },

  "rooms are listed, and left": async (t) => {
    const [x, y] = [t.name("room"), t.name("room")];
    const [[a, b], heard] = await three(t, [], [x, y]);
    equal(await t.call(b, "rooms"), [[b.id, x, y]]);
    await t.call(b, "leave", x);
    equal(await t.call(b, "rooms"), [[b.id, y]]);
    await t.call(a, "say", [x], [], "to nobody");
    await t.call(a, "say", [y], [], "to b");
    equal(await heard(), [[], ["to b"], []]);
  },

  "a room answers the server": async (t) => {
    const room = t.name("room");
    const [sockets] = await three(t, [room], [room]);
    for (const [n, socket] of sockets.entries()) {
      socket.on("question", (value, answer) => answer(`${value} ${n}`));
    }
    equal(await t.call(sockets[2], "ask all", room, "answer"), [["answer 0", "answer 1"]]);
  },

  "who is gone hears nothing, and does no harm": async (t) => {
    const left = await t.watch();
    const room = t.name("room");
    const [[a, b, c]] = await three(t, [room], [room], [room]);
    const heard = t.inbox(c, "said");
    b.disconnect();
    await left(b);
    await t.call(a, "say", [room], [], "hello");
    equal(await heard.next(), ["hello"]);
  },
});
