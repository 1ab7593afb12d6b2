// Checks one version of socket.io-client: `node socketio.js 4.8`, with the server's command in SERVER.

import { Clients, Setting } from "./client.js";
import { Runner } from "./runner.js";
import { Server } from "./server.js";
import binary from "./checks/binary.js";
import connecting from "./checks/connecting.js";
import disconnects from "./checks/disconnects.js";
import events from "./checks/events.js";
import heartbeats, { HEARTBEAT } from "./checks/heartbeats.js";
import limits from "./checks/limits.js";
import namespaces from "./checks/namespaces.js";
import restarts from "./checks/restarts.js";
import rooms from "./checks/rooms.js";
import streams from "./checks/streams.js";

const version = process.argv[2];
const runner = new Runner(`socket.io-client ${version}`);

async function run(setting, ...groups) {
  for (const checks of groups) {
    for (const [name, body] of Object.entries(checks(setting))) {
      await runner.check(`${setting}: ${name}`, new Clients(setting), body);
    }
  }
  await setting.server.end("SIGKILL");
}

for (const parser of ["default", "msgpack"]) {
  // The parser for older clients wrote something else, which the server of today does not read either.
  if (parser === "msgpack" && version < "3") continue;
  const options = parser === "msgpack" ? ["--parser", "msgpack"] : [];
  for (const transport of ["polling", "websocket", "upgrade"]) {
    const setting = async (...more) =>
      new Setting(version, transport, parser, await Server.start([...options, ...more]));
    await run(await setting(), connecting, events, binary, namespaces, rooms, disconnects, limits, streams, restarts);
    await run(await setting(...HEARTBEAT), heartbeats);
  }
}
runner.finish();
