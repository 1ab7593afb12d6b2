// The chatroom in a browser: the same events that the terminal and the Python client use.

import { hasClient, make, showState, the } from "./page.js";

const TYPING_EVERY = 1000;
const TYPING_LASTS = 3000;

/** Who is typing, each with the timer that forgets it. */
const typists = new Map();
const people = new Set();
let name = "";
let room = "lobby";
let lastTyped = 0;
/** Whether the newest line is in sight. */
let isAtEnd = true;

if (hasClient(window.io)) start();

function start() {
  // The server's `connect` handler is given this, on every connection.
  const socket = window.io("/chat", { autoConnect: false, auth: (done) => done({ name }) });
  showState(socket, the("state"));

  // ---- what the server tells: `ChatEvents` in contract.rs ----

  // After a lost connection, too: the server only knows who is new.
  socket.on("connect", () => ask(socket, "go", room));

  socket.on("connect_error", (error) => {
    // Otherwise nobody answered, and the client goes on trying.
    if (!socket.active) showJoin(error.message);
  });

  socket.on("entered", (view) => {
    const isNew = the("join").hidden === false;
    room = view.room;
    the("join").hidden = true;
    the("chat").hidden = false;
    the("room").textContent = room;
    the("lines").replaceChildren(...view.lines.map(lineElement));
    people.clear();
    view.here.forEach((person) => people.add(person));
    showPeople();
    showRooms(socket, view.rooms);
    [...typists.keys()].forEach(forgetTypist);
    isAtEnd = true;
    stayAtEnd();
    if (isNew) the("text").focus();
  });

  socket.on("posted", (line) => {
    forgetTypist(line.from);
    append(lineElement(line));
  });

  socket.on("came", (person) => {
    people.add(person);
    showPeople();
    append(make("p", "news", `${person} came`));
  });

  socket.on("left", (person, why) => {
    people.delete(person);
    forgetTypist(person);
    showPeople();
    append(make("p", "news", `${person} left: ${why}`));
  });

  socket.on("typing", (person) => {
    clearTimeout(typists.get(person));
    typists.set(person, setTimeout(forgetTypist, TYPING_LASTS, person));
    showTypists();
  });

  // ---- what a person does ----

  the("join").addEventListener("submit", (event) => {
    event.preventDefault();
    name = the("name").value.trim();
    the("refused").textContent = "";
    socket.connect();
  });

  the("post").addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = the("text").value.trim();
    // What was not posted stays to be sent again.
    if (text === "" || !(await ask(socket, "post", text))) return;
    the("text").value = "";
    lastTyped = 0;
  });

  const lines = the("lines");
  lines.addEventListener("scroll", () => {
    isAtEnd = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 40;
  });
  // A window that becomes lower, as under the keyboard of a telephone, must not hide the newest line.
  new ResizeObserver(stayAtEnd).observe(lines);

  the("text").addEventListener("input", () => {
    if (Date.now() - lastTyped < TYPING_EVERY) return;
    lastTyped = Date.now();
    // Not worth waiting for: it is dropped if it cannot be sent at once.
    socket.volatile.emit("typing");
  });
}

/** Sends an event and shows why it was refused; gives whether it was not. */
async function ask(socket, event, ...values) {
  let problem = "";
  try {
    const answer = await socket.timeout(5000).emitWithAck(event, ...values);
    if (answer?.error) problem = answer.error.message;
  } catch {
    problem = "The server does not answer. Please try again.";
  }
  the("problem").textContent = problem;
  return problem === "";
}

function showJoin(problem) {
  the("chat").hidden = true;
  the("join").hidden = false;
  the("refused").textContent = problem;
  the("state").dataset.state = "off";
  the("state").textContent = "not connected";
  the("name").select();
}

function append(element) {
  the("lines").append(element);
  stayAtEnd();
}

/** Keeps the newest line in sight, unless one is reading older ones. */
function stayAtEnd() {
  if (isAtEnd) the("lines").scrollTop = the("lines").scrollHeight;
}

function lineElement(line) {
  const item = make("article", line.from === name ? "line own" : "line");
  const head = make("header", "");
  const time = make("time", "", new Date(line.time * 1000).toLocaleTimeString([], { timeStyle: "short" }));
  head.append(make("span", "", line.from === name ? "you" : line.from), time);
  item.append(head, make("p", "", line.text));
  return item;
}

function showPeople() {
  const items = [...people].sort().map((person) => {
    const item = make("li", "");
    const face = make("span", "face", [...person][0].toUpperCase());
    face.setAttribute("aria-hidden", "true");
    face.style.background = `hsl(${hueOf(person)} 45% 34%)`;
    item.append(face, make("span", "", person === name ? `${person} (you)` : person));
    return item;
  });
  the("here").replaceChildren(...items);
}

/** The same colour for the same name, wherever it is looked at. */
function hueOf(person) {
  return [...person].reduce((hue, letter) => (hue * 31 + letter.codePointAt(0)) % 360, 7);
}

function showRooms(socket, rooms) {
  const items = rooms.map((other) => {
    const item = make("li", "");
    const button = make("button", "", other);
    button.type = "button";
    button.setAttribute("aria-current", String(other === room));
    button.addEventListener("click", () => other !== room && ask(socket, "go", other));
    item.append(button);
    return item;
  });
  the("rooms").replaceChildren(...items);
}

function forgetTypist(person) {
  clearTimeout(typists.get(person));
  typists.delete(person);
  showTypists();
}

function showTypists() {
  const names = new Intl.ListFormat("en").format([...typists.keys()].sort());
  the("typing").textContent = typists.size === 0 ? "" : `${names} ${typists.size === 1 ? "is" : "are"} typing…`;
}
