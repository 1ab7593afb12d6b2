// Connects as one chose, shows each packet of the Engine.IO session, and how long the answers take.

import { drawChart, inWords, quantile } from "./chart.js";
import { hasClient, make, the } from "./page.js";

const PACKETS_KEPT = 200;
const BARS = 60;

let socket;
let started = 0;
let points = [];

if (hasClient(window.clients[4] && window.clients[3])) {
  the("connection").addEventListener("submit", (event) => {
    event.preventDefault();
    connect();
  });
  the("disconnect").addEventListener("click", () => socket.disconnect());
  the("send").addEventListener("submit", (event) => {
    event.preventDefault();
    echo();
  });
  the("many").addEventListener("click", async () => {
    // One after the other: together they would wait for each other.
    for (let sent = 0; sent < 20 && socket.connected; sent += 1) await echo();
  });
  the("clear").addEventListener("click", () => {
    the("packets").replaceChildren();
    points = [];
    showTimes();
  });
  showTimes();
}

function connect() {
  socket?.disconnect();
  const choice = new FormData(the("connection"));
  started = performance.now();
  socket = window.clients[choice.get("version")]("/", {
    transports: choice.get("transport").split(","),
    // A session of its own for each connection, and none after it: this page shows one at a time.
    forceNew: true,
    reconnection: false,
  });
  watch(socket, socket.io.engine);
  showState("off", "connecting…");
}

function watch(connection, engine) {
  const by = () => engine.transport.name;
  engine.on("packetCreate", (packet) => note("out", by(), packetText(packet)));
  engine.on("packet", (packet) => note("in", by(), packetText(packet)));
  engine.on("upgrade", (transport) => {
    note("note", transport.name, `upgraded to ${transport.name}`);
    showState("on", `connected by ${transport.name}`);
    askAbout(connection);
  });

  connection.on("connect", () => {
    showState("on", `connected by ${by()}`);
    askAbout(connection);
  });
  connection.on("connect_error", (error) => showState("lost", `no connection: ${error.message ?? error}`));
  connection.on("disconnect", (reason) => {
    note("note", by(), `disconnected: ${reason}`);
    showState("lost", `disconnected: ${reason}`);
  });
}

/** Shows what the server knows of the connection, which changes with an upgrade. */
function askAbout(connection) {
  connection.emit("about", ({ address, transport, protocol }) => {
    the("about").textContent = `The server sees ${address}, ${protocol} by ${transport}.`;
  });
}

/** Sends the message and notes when its acknowledgement is there. */
function echo() {
  const text = the("text").value;
  const kind = socket.io.engine.transport.name;
  const start = performance.now();
  return new Promise((done) => {
    socket.emit("echo", text, (answer) => {
      points.push({ time: performance.now() - start, kind });
      points = points.slice(-BARS);
      the("problem").textContent = answer === text ? "" : "The answer is not what was sent.";
      showTimes();
      done();
    });
  });
}

/** One packet as Engine.IO writes it down: its type, then its text. */
function packetText({ type, data }) {
  const text = typeof data === "string" ? data : data === undefined || data === null ? "" : `${data.byteLength} bytes`;
  return `${type} ${text.length > 300 ? `${text.slice(0, 300)}… (${text.length} letters)` : text}`;
}

function note(way, by, text) {
  const row = make("tr", "");
  const seconds = ((performance.now() - started) / 1000).toFixed(3);
  const signs = { out: "→ out", in: "← in", note: "·" };
  row.append(
    make("td", "", seconds),
    make("td", way, signs[way]),
    make("td", "by", by),
    make("td", way === "note" ? "note" : "code", text),
  );
  // The newest is on top, so that nobody has to scroll for it.
  the("packets").prepend(row);
  while (the("packets").children.length > PACKETS_KEPT) the("packets").lastChild.remove();
}

function showTimes() {
  const top = drawChart(the("chart"), points, BARS);
  const times = points.map((point) => point.time).sort((a, b) => a - b);
  the("scale").textContent = times.length === 0 ? "" : `full height: ${inWords(top)}`;
  the("count").textContent = times.length;
  the("fastest").textContent = inWords(times[0]);
  the("median").textContent = inWords(quantile(times, 0.5));
  the("slowest").textContent = inWords(times.at(-1));
}

function showState(state, text) {
  the("state").dataset.state = state;
  the("state").textContent = text;
  const isOn = state === "on";
  the("disconnect").disabled = !isOn;
  the("send").querySelectorAll("button").forEach((button) => (button.disabled = !isOn));
  if (!isOn) the("about").textContent = "";
}
