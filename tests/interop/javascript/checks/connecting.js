import { deepStrictEqual as equal, match, notStrictEqual as differs } from "node:assert";

export default (setting) => ({
  "connects and says who it is": async (t) => {
    const socket = await t.connect("/", "ada", { extraHeaders: { "x-interop": "yes" } });
    equal(await t.call(socket, "whoami"), ["/", "ada"]);
    equal(await t.call(socket, "seen"), [{ token: "ada", header: "yes" }]);
    match(socket.id, /^[\w-]{20}$/);
    equal(await t.call(socket, "rooms"), [[socket.id]]);
    if (setting.isOld) equal(socket.id, socket.io.engine.id);
    else differs(socket.id, socket.io.engine.id);
  },

  "connects without saying who it is": async (t) => {
    const socket = await t.connect("/", "", { auth: undefined, query: {} });
    equal(await t.call(socket, "whoami"), ["/", null]);
  },

  "gets what the server sends at once, after it is connected": async (t) => {
    const socket = t.open("/", "ada");
    const log = [];
    socket.on("connect", () => log.push("connect"));
    const welcome = t.inbox(socket, "welcome");
    socket.on("welcome", (...values) => log.push(values));
    for (let n = 0; n < 3; n++) await welcome.next();
    equal(log, ["connect", [1, "ada"], [2, "ada"], [3, "ada"]]);
  },

  "what it sends before it is connected arrives in order": async (t) => {
    const socket = t.open("/");
    for (let n = 0; n < 20; n++) socket.emit("collect", n);
    equal(await t.call(socket, "collected"), [[...Array(20).keys()]]);
  },

  "what it sends as soon as it is connected arrives in order": async (t) => {
    const socket = t.open("/");
    socket.on("connect", () => {
      for (let n = 0; n < 20; n++) socket.emit("collect", n);
    });
    await t.connected(socket);
    equal(await t.call(socket, "collected"), [[...Array(20).keys()]]);
  },

  "is refused with a message": async (t) => {
    const refusal = await t.refused(t.open("/", "wrong"));
    const expected = { message: "who are you?", data: { code: "denied" } };
    equal(refusal, setting.isOld ? "who are you?" : expected);
  },

  "is refused with data": async (t) => {
    const refusal = await t.refused(t.open("/", "many"));
    const message = "come back later";
    const data = { limit: 3 };
    equal(refusal, setting.isOld ? data : { message, data });
  },

  ...(!setting.isOld && {
    "tries again after it was refused": async (t) => {
      const socket = t.open("/", "wrong");
      await t.refused(socket);
      socket.auth = { token: "ada" };
      socket.connect();
      await t.connected(socket);
      equal(await t.call(socket, "whoami"), ["/", "ada"]);
    },
  }),

  ...(setting.transport === "upgrade" && {
    "goes on over WebSocket": async (t) => {
      const socket = t.open("/");
      await t.connected(socket);
      const { engine } = socket.io;
      await t.settled(socket);
      equal(engine.transport.name, "websocket");
      equal(await t.call(socket, "echo", "after"), ["after"]);
    },

    "loses nothing and keeps the order while it upgrades": async (t) => {
      const socket = t.open("/");
      const items = t.inbox(socket, "item");
      let sent = 0;
      // Before, during and after: with each answer the next ones are sent.
      const send = (count) => {
        for (let n = 0; n < count; n++) socket.emit("collect", sent++);
      };
      send(5);
      await t.connected(socket);
      socket.emit("series", 100);
      const { engine } = socket.io;
      let isUpgraded = engine.transport.name === "websocket";
      engine.once("upgrade", () => (isUpgraded = true));
      while (!isUpgraded) {
        send(5);
        await t.call(socket, "echo", sent);
      }
      send(5);
      socket.emit("series", 10);
      const [collected] = await t.call(socket, "collected");
      equal(collected, [...Array(sent).keys()]);
      const numbers = [];
      for (let n = 0; n < 110; n++) numbers.push((await items.next())[0]);
      equal(numbers, [...Array(100).keys(), ...Array(10).keys()]);
    },
  }),
});
