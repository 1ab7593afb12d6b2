// Checks one version of engine.io-client at the raw resource: `node engineio.js 6.6`, with the server's command in
// SERVER.

import { createRequire } from "node:module";
import { Inbox, Runner, Session } from "./runner.js";
import { Server } from "./server.js";
import { HEARTBEAT } from "./checks/heartbeats.js";
import beats from "./checks/engine/heartbeats.js";
import messages from "./checks/engine/messages.js";
import ends from "./checks/engine/ends.js";

const require = createRequire(import.meta.url);
const version = process.argv[2];
const isOld = version < "4";
const library = require(`engine.io-client-${version}`);
const connect = isOld ? library : (url, options) => new library.Socket(url, options);

const TRANSPORTS = {
  polling: { transports: ["polling"] },
  websocket: { transports: ["websocket"] },
  "websocket in base64": { transports: ["websocket"], forceBase64: true },
  upgrade: { transports: ["polling", "websocket"] },
};

class Sockets extends Session {
  constructor(setting) {
    super();
    this.setting = setting;
  }

  /** A socket on its way, with what it hears. */
  start() {
    const socket = connect(this.setting.server.url, { path: "/engine.io/", ...TRANSPORTS[this.setting.transport] });
    const messages = new Inbox(this, "message");
    socket.on("message", (message) => messages.put(message));
    this.atEnd(() => socket.close());
    return { socket, messages };
  }

  async open() {
    const started = this.start();
    await this.once(started.socket, "open");
    return started;
  }

  once(emitter, event) {
    return this.wait(event, (resolve) => emitter.once(event, resolve));
  }

  /** Waits until the socket has the transport that it ends up with. */
  async settled(socket) {
    const isDone = this.setting.transport !== "upgrade" || socket.transport.name === "websocket";
    if (!isDone) await this.once(socket, "upgrade");
  }

  /** Tells how the server saw the sockets of a name end. */
  async watch() {
    const { socket, messages } = await this.open();
    socket.send("watch");
    socket.send("echo");
    await messages.next();
    return async (name) => {
      const prefix = `left ${name}: `;
      return (await messages.find((message) => message.startsWith(prefix))).slice(prefix.length);
    };
  }

  /** Gives a socket a name, under which the server tells of its end. */
  async named({ socket, messages }) {
    const name = this.name("socket");
    socket.send(`name ${name}`);
    socket.send("echo");
    await messages.next();
    return name;
  }
}

const runner = new Runner(`engine.io-client ${version}`);

for (const transport of Object.keys(TRANSPORTS)) {
  const run = async (server, ...groups) => {
    const setting = { transport, server, isOld };
    for (const checks of groups) {
      for (const [name, body] of Object.entries(checks(setting))) {
        await runner.check(`${transport}: ${name}`, new Sockets(setting), body);
      }
    }
    await server.end("SIGKILL");
  };
  await run(await Server.start(), messages, ends);
  await run(await Server.start(HEARTBEAT), beats);
}
runner.finish();
