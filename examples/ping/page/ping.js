// Sends a call, waits for its answer, notes the time between, and begins again.

import { drawChart, inWords, quantile } from "./chart.js";
import { hasClient, showState, the } from "./page.js";

const BARS = 120;
/** As many as are looked at for the median and the slowest hundredth. */
const KEPT = 1000;

let points = [];
let sent = 0;
let received = 0;
let isPaused = false;

if (hasClient(window.io)) start();

function start() {
  const socket = window.io();
  showState(socket, the("state"));
  socket.on("connect", () => {
    socket.emit("whoami", (address) => (the("me").textContent = `The server sees you as ${address}.`));
  });

  the("pause").addEventListener("click", () => {
    isPaused = !isPaused;
    the("pause").textContent = isPaused ? "Go on" : "Pause";
  });
  the("clear").addEventListener("click", () => {
    points = [];
    sent = received = 0;
    show();
  });
  show();
  pingForever(socket);
}

async function pingForever(socket) {
  for (;;) {
    if (socket.connected && !isPaused) await ping(socket);
    show();
    await new Promise((done) => setTimeout(done, Number(the("pace").value)));
  }
}

async function ping(socket) {
  const start = performance.now();
  sent += 1;
  try {
    await socket.emitWithAck("ping", "sixteen letters.");
  } catch {
    // The connection was lost meanwhile. This one stays unanswered; the next one is sent when it is back.
    return;
  }
  received += 1;
  points.push({ time: performance.now() - start, kind: "" });
  points = points.slice(-KEPT);
}

function show() {
  const times = points.map((point) => point.time).sort((a, b) => a - b);
  const top = drawChart(the("chart"), points, BARS);
  the("scale").textContent = times.length === 0 ? "" : `full height: ${inWords(top)}`;
  the("last").textContent = inWords(points.at(-1)?.time);
  the("sent").textContent = sent;
  the("received").textContent = received;
  the("fastest").textContent = inWords(times[0]);
  the("median").textContent = inWords(quantile(times, 0.5));
  the("p99").textContent = inWords(quantile(times, 0.99));
}
