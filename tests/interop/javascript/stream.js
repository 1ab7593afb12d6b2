// As it stands in docs/socketio.md, for a program to take over.

/** The items of a streaming reply: `for await (const item of stream(socket, "ticks", 3)) ..` */
export async function* stream(socket, event, ...values) {
  const heard = [];
  let id, wake;
  const hear = (message) => (heard.push(message), wake?.());
  const listeners = {
    "$/item": (of, item) => of === id && hear({ item }),
    "$/end": (of, error) => of === id && hear({ error, end: true }),
    disconnect: (error) => hear({ error, end: true }),
  };
  for (const name in listeners) socket.on(name, listeners[name]);
  socket.emit(event, ...values, ({ ok, stream, error }) => (error ? hear({ error }) : (id = (ok ?? { stream }).stream)));
  try {
    for (let taken = 1; ; taken++) {
      while (!heard.length) await new Promise((resolve) => (wake = resolve));
      const { item, error, end } = heard.shift();
      if (error) throw error;
      if (end) return;
      yield item;
      if (taken % 16 === 0) socket.emit("$/more", id, 16);
    }
  } finally {
    for (const name in listeners) socket.off(name, listeners[name]);
    if (id && socket.connected) socket.emit("$/cancel", id);
  }
}
