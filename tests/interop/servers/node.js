// The conformance app of jidda.rs on the server that the clients were made for. What a client script checks must
// hold here, too, or the check is wrong.
//
//     node servers/node.js [ADDRESS] [--parser msgpack] [--heartbeat MS] [--limit BYTES] [--recovery] [--version 2.5|1.7]
//
// Version 1.7 is what `socketIO-client` of Python was made for. Versions 1.7 and 2.5 lack what came later: `except`, calls
// with a time-out, calls of several sockets, and 1.7 dynamic namespaces.

import { createServer } from "node:http";
import { createRequire } from "node:module";
import { parseArgs } from "node:util";

const require = createRequire(import.meta.url);
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    parser: { type: "string" },
    heartbeat: { type: "string" },
    limit: { type: "string" },
    recovery: { type: "boolean" },
    version: { type: "string" },
  },
});
const isOld = options.version !== undefined;
const { Server } = require("engine.io");
const socketIo = require(isOld ? `socket.io-${options.version}` : "socket.io");

const http = createServer();
const heartbeat = Number(options.heartbeat ?? 0);
const settings = {
  allowEIO3: true,
  destroyUpgrade: false,
  ...(options.parser === "msgpack" && { parser: require("socket.io-msgpack-parser") }),
  ...(options.limit && { maxHttpBufferSize: Number(options.limit) }),
  ...(options.recovery && { connectionStateRecovery: {} }),
  ...(heartbeat && { pingInterval: heartbeat, pingTimeout: 5 * heartbeat }),
};
const io = isOld ? socketIo(http, settings) : new socketIo.Server(http, settings);

/** How long a client has for its answer. */
const PATIENCE = 5000;
/** As much as can pass before a call is given up that nobody answers. */
const IMPATIENCE = 100;

/** What jidda acknowledges for a handler that could have failed and has nothing to say. */
const DONE = [];

class Refusal extends Error {
  constructor(code, message, data) {
    super(message);
    this.code = code;
    this.details = data;
  }

  /** As jidda writes it. Version 4 of the protocol has room for one value only. */
  over(protocol) {
    if (this.details !== undefined) this.data = this.details;
    else if (protocol === 4) this.data = { code: this.code };
    return this;
  }
}

function token(socket) {
  return socket.handshake.auth?.token ?? socket.handshake.query.token ?? null;
}

/** Lets everyone in but who has the wrong token. */
function doorman(socket, next) {
  const refuse = (refusal) => next(refusal.over(socket.conn.protocol));
  if (token(socket) === "wrong") refuse(new Refusal("denied", "who are you?"));
  else if (token(socket) === "many") refuse(new Refusal("full", "come back later", { limit: 3 }));
  else next();
}

/** Bytes as text, so that a client sees what arrived as bytes. */
function hexed(value) {
  if (Buffer.isBuffer(value)) return `hex:${value.toString("hex")}`;
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return hexed(Buffer.from(value));
  if (Array.isArray(value)) return value.map(hexed);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, value]) => [key, hexed(value)]));
}

function single(values) {
  return values.length < 2 ? (values[0] ?? null) : values;
}

function rooms(socket) {
  // Once it has left, version 1.7 has none.
  return isOld ? Object.keys(socket.rooms ?? {}) : [...socket.rooms];
}

function narrowed(selection, to, except) {
  selection = to.reduce((selection, room) => selection.to(room), selection);
  return except.reduce((selection, room) => selection.except(room), selection);
}

/** Handlers whose return value is the acknowledgement: a list is several arguments. */
function handle(socket, handlers) {
  for (const [event, handler] of Object.entries(handlers)) {
    socket.on(event, async (...values) => {
      const acknowledge = typeof values.at(-1) === "function" ? values.pop() : () => {};
      const reply = await handler(...values);
      acknowledge(...(reply ?? []));
    });
  }
}

/** Older servers tell a callback when a room is joined or left; those of today return a promise, or nothing. */
async function moved(socket, move, room) {
  await (isOld ? new Promise((resolve) => socket[move](room, resolve)) : socket[move](room));
}

/** What every namespace has. */
function common(nsp, socket) {
  handle(socket, {
    echo: (...values) => values,
    whoami: () => [nsp.name, token(socket)],
    connection: () => [socket.conn.id],
    transport: () => [socket.conn.transport.name],
    join: (room) => moved(socket, "join", room),
    leave: (room) => moved(socket, "leave", room),
    rooms: () => [rooms(socket)],
    say: (to, except, ...values) => (narrowed(socket.broadcast, to, except).emit("said", ...values), DONE),
    tell: (to, except, ...values) => (narrowed(nsp, to, except).emit("said", ...values), DONE),
    bye: () => void socket.disconnect(),
    close: () => void socket.disconnect(true),
  });
  let last = [];
  socket.on("disconnecting", () => (last = rooms(socket).slice(1).sort()));
  socket.on("disconnect", (reason) => {
    const left = { namespace: nsp.name, token: token(socket), reason, rooms: last };
    io.of("/").to("watchers").emit("left", left);
  });
}

io.use(doorman);
io.on("connection", (socket) => {
  common(io.of("/"), socket);
  const collected = [];
  handle(socket, {
    message: (value) => (socket.send(value), [value]),
    back: (...values) => void socket.emit("back", ...values),
    add: (a, b) => [a + b],
    divide: (a, b) => [
      b === 0 ? { error: { code: "zero", message: "division by zero", data: { a } } } : a / b,
    ],
    nothing: () => [],
    several: () => ["one", { two: 2 }, [3]],
    "grüße 😀": (text) => [`${text} 😀`],
    seen: () => [{ token: token(socket), header: socket.handshake.headers["x-interop"] ?? null }],
    hexed: (...values) => values.map(hexed),
    bytes: () => [{ list: [Buffer.from([1, 2, 3]), { deep: Buffer.from([255]) }], text: "x" }, Buffer.alloc(0)],
    collect: (value) => void collected.push(value),
    // As text: there is a limit to the buffers in one packet.
    collected: () => [collected.map(hexed)],
    series: (count) => {
      for (let i = 0; i < count; i++) {
        const byte = Buffer.from([i % 256]);
        socket.emit("item", i, [`text ${i}`, byte, { a: byte, b: [byte, Buffer.from([i % 256, i % 256])] }][i % 3]);
      }
      return DONE;
    },
    ask: (...values) =>
      new Promise((resolve) => {
        if (isOld) return socket.emit("question", ...values, (...answers) => resolve([single(answers)]));
        socket
          .timeout(PATIENCE)
          .emit("question", ...values, (error, ...answers) => resolve([error ? "timeout" : single(answers)]));
      }),
    "ask in vain": () =>
      new Promise((resolve) => {
        if (isOld) {
          setTimeout(() => resolve(["timeout"]), IMPATIENCE);
          return socket.emit("question", () => resolve(["answered"]));
        }
        socket.timeout(IMPATIENCE).emit("question", (error) => resolve([error ? "timeout" : "answered"]));
      }),
    "ask all": (room, value) =>
      new Promise((resolve) => {
        const call = io.to(room).timeout(PATIENCE);
        call.emit("question", value, (error, answers) => resolve([error ? { error } : answers.sort()]));
      }),
    watch: () => moved(socket, "join", "watchers"),
  });
  for (const n of [1, 2, 3]) socket.emit("welcome", n, token(socket));
});

const chat = io.of("/chat");
chat.use(doorman);
chat.on("connection", (socket) => common(chat, socket));

if (options.version !== "1.7") {
  io.of(/^\/orders\/\d+$/).on("connection", (socket) => {
    common(socket.nsp, socket);
    handle(socket, { describe: (prefix) => [prefix + socket.nsp.name.split("/")[2]] });
  });
}

// The raw resource: what comes in goes out, but for the words below.
const engine = new Server(settings);
engine.attach(http, { path: "/engine.io/", destroyUpgrade: false });
const watchers = new Set();
engine.on("connection", (socket) => {
  let name = "nobody";
  socket.on("message", (message) => {
    if (message === "watch") watchers.add(socket);
    else if (message === "close") socket.close();
    else if (typeof message === "string" && message.startsWith("name ")) name = message.slice(5);
    else socket.send(message);
  });
  socket.on("close", (reason) => {
    watchers.delete(socket);
    for (const watcher of watchers) watcher.send(`left ${name}: ${reason}`);
  });
});

const [host, port] = (positionals[0] ?? "127.0.0.1:0").split(":");
http.listen(Number(port), host, () => console.log(`reference listens on tcp://${host}:${http.address().port}`));

process.on("SIGTERM", () => {
  engine.close();
  io.close(() => {});
  // Not all clients close what the server has closed: it does not wait for them.
  setTimeout(() => process.exit(), 100);
});
