// What the pages of the examples have in common.

/** The element of this id. */
export const the = (id) => document.getElementById(id);

/** Makes an element with a class and a text. What comes from others only ever becomes text, never HTML. */
export function make(tag, className, text = "") {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

/** Says on the page what to run when the Socket.IO client is not there; gives whether it is. */
export function hasClient(client) {
  if (client) return true;
  const card = make("section", "card missing");
  card.setAttribute("role", "alert");
  card.append(
    make("p", "", "The Socket.IO client is not installed. In the folder of jidda, run"),
    make("pre", "code", "npm install --prefix examples/browser"),
    make("p", "", "then start the example again and load this page again."),
  );
  document.querySelector("main").replaceChildren(card);
  the("state").textContent = "not connected";
  return false;
}

/** Keeps a text about the connection up to date, with the transport that is in use. */
export function showState(socket, chip) {
  const show = (state, text) => {
    chip.dataset.state = state;
    chip.textContent = text;
  };
  const showTransport = (transport) => show("on", `connected by ${transport.name}`);
  socket.on("connect", () => {
    const { engine } = socket.io;
    showTransport(engine.transport);
    engine.on("upgrade", showTransport);
  });
  socket.on("disconnect", (reason) => {
    show(socket.active ? "lost" : "off", socket.active ? "connection lost, trying again…" : `disconnected: ${reason}`);
  });
  socket.io.on("reconnect_attempt", () => show("lost", "no connection, trying again…"));
}
