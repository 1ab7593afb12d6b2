// One way for the checks to use every version of socket.io-client.

import http from "node:http";
import { createRequire } from "node:module";
import { Inbox, Session } from "./runner.js";

const require = createRequire(import.meta.url);

const TRANSPORTS = { polling: ["polling"], websocket: ["websocket"], upgrade: ["polling", "websocket"] };

/** The last poll of each Engine.IO session. */
const polls = new Map();
const { request } = http;
http.request = (...values) => {
  const made = request(...values);
  const session = /[?&]sid=([^&]+)/.exec(made.path);
  if (made.method === "GET" && session) polls.set(session[1], made);
  return made;
};

/** A version, a transport and a parser, and the server they are checked with. */
export class Setting {
  constructor(version, transport, parser, server) {
    this.version = version;
    this.major = Number(version.split(".")[0]);
    this.transport = transport;
    this.parser = parser;
    this.server = server;
    this.io = require(`socket.io-client-${version}`);
  }

  /** Whether the client speaks version 4 of the protocol, over Engine.IO 3. */
  get isOld() {
    return this.major < 3;
  }

  /** The event that tells of a refusal. */
  get refusal() {
    return this.isOld ? "error" : "connect_error";
  }

  get isMsgpack() {
    return this.parser === "msgpack";
  }

  /** Whether bytes are written as base64. */
  get isText() {
    return this.transport !== "websocket";
  }

  /**
   * Whether text is encoded twice where it is polled: the Engine.IO of 1.x did that on both sides. A server that does
   * not know of it gives back what it got as it was, but cannot read it, nor write what the client reads.
   */
  get isGarbled() {
    return this.major === 1 && this.transport !== "websocket";
  }

  toString() {
    return `${this.transport} ${this.parser}`;
  }

  options(token, more) {
    // Clients of version 4 of the protocol say who they are in the query.
    const said = this.isOld ? { query: `token=${token}` } : { auth: { token } };
    const parser = this.isMsgpack && { parser: require("socket.io-msgpack-parser") };
    const transports = TRANSPORTS[this.transport];
    return { transports, forceNew: true, reconnection: false, ...said, ...parser, ...more };
  }
}

/** What one check does with its clients. */
export class Clients extends Session {
  constructor(setting) {
    super();
    this.setting = setting;
  }

  get url() {
    return this.setting.server.url;
  }

  /** A socket with a connection of its own, on its way. */
  open(path = "/", token = this.name("token"), options = {}) {
    const socket = this.setting.io(this.url + path, this.setting.options(token, options));
    socket.token = token;
    this.atEnd(() => {
      socket.io.reconnection?.(false);
      socket.disconnect();
      socket.io.engine?.close();
    });
    return socket;
  }

  /** A socket of another namespace of the same connection, on its way. */
  also(socket, path, token = this.name("token")) {
    const other = socket.io.socket(path, this.setting.options(token));
    other.token = token;
    return other;
  }

  /** Waits until a socket is connected. */
  async connected(socket) {
    if (socket.connected) return socket;
    await this.wait(`connect to ${socket.nsp}`, (resolve, reject) => {
      socket.on("connect", resolve);
      const refused = (error) => reject(new Error(`not connected: ${error.message ?? JSON.stringify(error)}`));
      socket.once(this.setting.refusal, refused);
    });
    return socket;
  }

  connect(path, token, options) {
    return this.connected(this.open(path, token, options));
  }

  /** Waits until the connection has the transport that it ends up with. */
  async settled(socket) {
    const { engine } = socket.io;
    const isDone = this.setting.transport !== "upgrade" || engine.transport.name === "websocket";
    if (!isDone) await this.once(engine, "upgrade");
  }

  /** The poll that is under way after an answer came, once it is written. */
  async poll(socket) {
    const poll = polls.get(socket.io.engine.id);
    if (!poll.writableFinished) await this.wait("a poll", (resolve) => poll.once("finish", resolve));
    return poll;
  }

  /** Waits until a socket is refused, and tells what came. */
  async refused(socket) {
    const [error] = await this.once(socket, this.setting.refusal);
    return error instanceof Error ? { message: error.message, data: error.data } : error;
  }

  /** The arguments of the next event. */
  once(emitter, event) {
    return this.wait(event, (resolve) => emitter.once(event, (...values) => resolve(values)));
  }

  /** The arguments of the acknowledgement. */
  call(socket, event, ...values) {
    return this.wait(`an answer to ${event}`, (resolve) => {
      socket.emit(event, ...values, (...answer) => resolve(answer));
    });
  }

  /** All events of a name, in order. */
  inbox(emitter, event) {
    const inbox = new Inbox(this, event);
    emitter.on(event, (...values) => inbox.put(values));
    return inbox;
  }

  /** Tells how the server saw sockets end. */
  async watch() {
    const watcher = await this.connect("/");
    const inbox = this.inbox(watcher, "left");
    await this.call(watcher, "watch");
    return async (socket, path = "/") => {
      const fits = ([left]) => left.namespace === path && left.token === socket.token;
      const [left] = await inbox.find(fits);
      return { reason: left.reason, rooms: left.rooms };
    };
  }
}

/** Bytes as text, whatever type they are of. */
export function hexed(value) {
  if (value instanceof ArrayBuffer) value = Buffer.from(value);
  if (ArrayBuffer.isView(value)) {
    return `hex:${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("hex")}`;
  }
  if (Array.isArray(value)) return value.map(hexed);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, value]) => [key, hexed(value)]));
}
