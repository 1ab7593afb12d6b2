// socket.io with the handlers that the other servers have. It serves until its standard input ends.

import { createServer } from "node:http";
import { Server } from "socket.io";

// Of its defaults these two matter here: WebSocket is that of `ws`, and messages are not compressed.
const http = createServer();
const io = new Server(http, { perMessageDeflate: false });

// How many more events there are than the ones that measures need.
const more = Array.from({ length: Number(process.argv[2]) }, (_, index) => `event-${String(index).padStart(5, "0")}`);

const TEXT = "sixteen byte txt";

const echo = (text, acknowledge) => acknowledge(text);

io.on("connection", (socket) => {
  socket.on("echo", echo);
  socket.on("mirror", (text) => socket.emit("mirror", text));
  socket.on("note", () => {});
  socket.on("join", (room, acknowledge) => {
    socket.join(room);
    acknowledge(TEXT);
  });
  socket.on("visit", (room, acknowledge) => {
    socket.join(room);
    socket.leave(room);
    acknowledge(room);
  });
  socket.on("tell", (room) => io.to(room).emit("news", TEXT));
  for (const name of more) socket.on(name, echo);
  socket.on("announce", (text) => io.emit("news", text));
});

io.of("/lobby").on("connection", (socket) => {
  socket.join("lobby");
  socket.on("echo", echo);
});

http.listen(0, "127.0.0.1", () => {
  const { address, port } = http.address();
  console.log(`${address}:${port}`);
});

process.stdin.on("end", () => process.exit()).resume();
