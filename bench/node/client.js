// socket.io-client with the calls that the other clients make: `node client.js ADDRESS MILLISECONDS CONNECTIONS IN_FLIGHT`
// prints the nanoseconds of processor time for each.

import { io } from "socket.io-client";

const [address, span, connections, inFlight] = process.argv.slice(2);
const TEXT = "sixteen byte txt";

const sockets = Array.from({ length: Number(connections) }, () =>
  io(`http://${address}`, { transports: ["websocket"], forceNew: true }),
);
await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once("connect", resolve))));

const start = performance.now();
let calls = 0;
// Not counted: what is warm only later costs more at first.
let warm;

function count() {
  calls++;
  const passed = performance.now() - start;
  if (!warm && passed > span / 5) warm = { usage: process.cpuUsage(), calls };
  return passed < span;
}

const lane = (socket) =>
  new Promise((resolve) => {
    const call = () => socket.emit("echo", TEXT, () => (count() ? call() : resolve()));
    call();
  });
await Promise.all(sockets.flatMap((socket) => Array.from({ length: Number(inFlight) }, () => lane(socket))));

const { user, system } = process.cpuUsage(warm.usage);
console.log(Math.round(((user + system) * 1000) / (calls - warm.calls)));
process.exit();
