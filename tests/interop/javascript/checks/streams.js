import { deepStrictEqual as equal, ok, rejects } from "node:assert";
import { TARGET } from "../server.js";
import { stream } from "../stream.js";

async function all(items) {
  const list = [];
  for await (const item of items) list.push(item);
  return list;
}

const checks = {
  "a stream of several windows": async (t) => {
    const socket = await t.connect();
    equal(await all(stream(socket, "count", 100)), [...Array(100).keys()]);
    equal(await all(stream(socket, "count", 0)), []);
  },

  "streams side by side": async (t) => {
    const socket = await t.connect();
    const lists = await Promise.all([10, 50, 90].map((n) => all(stream(socket, "count", n))));
    equal(lists.map((list) => list.length), [10, 50, 90]);
  },

  "errors at the beginning and in the middle": async (t) => {
    const socket = await t.connect();
    await rejects(all(stream(socket, "count_even", 3)), (error) => error.code === "odd");
    const items = stream(socket, "count_even", 2);
    equal((await items.next()).value, 2);
    await rejects(items.next(), (error) => error.code === "broke");
    await rejects(all(stream(socket, "nowhere")), (error) => error.code === "not_found");
  },

  "the producer waits, and stops when it is left": async (t) => {
    const socket = await t.connect();
    const stopped = t.inbox(socket, "stopped");
    for await (const item of stream(socket, "count_on")) {
      if (item === 40) break;
    }
    const [produced] = await stopped.next();
    ok(produced >= 41 && produced <= 41 + 32, `${produced}`);
  },

  "the end of the connection is the stream's": async (t) => {
    const socket = await t.connect();
    const items = stream(socket, "count_on");
    equal((await items.next()).value, 0);
    socket.disconnect();
    await rejects(all(items), (error) => error === "io client disconnect");
  },

  "a stream of the connection before neither hears nor says anything on the next": async (t) => {
    const socket = await t.connect("/", undefined, { reconnection: true, reconnectionDelay: 10 });
    let said = 0;
    const { emit } = socket;
    socket.emit = (...words) => (said++, emit.apply(socket, words));
    const items = t.inbox(socket, "$/item");
    const before = stream(socket, "count_on");
    equal((await before.next()).value, 0);
    // What the server sends unasked waits at the client.
    const [id] = await items.find(([, item]) => item === 31);
    const again = t.once(socket, "connect");
    socket.io.engine.close();
    await again;
    const after = stream(socket, "count_on");
    equal((await after.next()).value, 0);
    equal((await items.find(([, item]) => item === 0))[0], id);
    said = 0;
    const taken = [];
    await rejects(async () => {
      for await (const item of before) taken.push(item);
    });
    equal(taken, [...Array(31).keys()].map((n) => n + 1));
    equal(said, 0);
    for (let n = 1; n < 100; n++) equal((await after.next()).value, n);
    const stopped = t.once(socket, "stopped");
    await after.return();
    await stopped;
  },
};

// It is jidda's own: the reference has nothing like it.
export default () => (TARGET === "jidda" ? checks : {});
