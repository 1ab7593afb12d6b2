// The chat that the bot talks in, on Node's server: `npm install socket.io`, then `node examples/bot/chat.js [PORT]`.

const { createServer } = require("node:http");
const { Server } = require("socket.io");

const http = createServer();
const chat = new Server(http);
const names = new Map();

chat.on("connection", (socket) => {
  socket.on("nickname", (name, answer) => {
    const isTaken = [...names.values()].includes(name);
    if (!isTaken) {
      names.set(socket.id, name);
      socket.broadcast.emit("announcement", `${name} connected`);
    }
    answer(isTaken);
  });
  socket.on("who", (answer) => answer([...names.values()]));
  socket.on("user message", (text) => {
    socket.broadcast.emit("user message", names.get(socket.id) ?? "somebody", text);
  });
  socket.on("disconnect", () => {
    const name = names.get(socket.id);
    if (names.delete(socket.id)) chat.emit("announcement", `${name} disconnected`);
  });
});

http.listen(Number(process.argv[2] ?? 3000), "127.0.0.1", () => {
  console.log(`the chat listens on http://127.0.0.1:${http.address().port}`);
});
