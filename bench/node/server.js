// socket.io with the handlers that the other servers have. It serves until its standard input ends.

import { createServer } from "node:http";
import { Server } from "socket.io";

// Of its defaults these two matter here: WebSocket is that of `ws`, and messages are not compressed.
const http = createServer();
const io = new Server(http, { perMessageDeflate: false });

const echo = (text, acknowledge) => acknowledge(text);

io.on("connection", (socket) => {
  socket.on("echo", echo);
  socket.on("mirror", (text) => socket.emit("mirror", text));
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
