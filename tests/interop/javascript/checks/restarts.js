import { deepStrictEqual as equal, ok } from "node:assert";

const COMING_BACK = { reconnection: true, reconnectionDelay: 10, reconnectionDelayMax: 50 };

/** A client with two namespaces while its server ends by a signal and comes back. */
async function restart(t, setting, signal) {
  const root = await t.connect("/", "ada", COMING_BACK);
  const chat = await t.connected(t.also(root, "/chat", "ada"));
  await t.settled(root);
  const id = root.id;
  const reasons = [root, chat].map((socket) => t.once(socket, "disconnect"));
  await setting.server.end(signal);
  const [[reason], [same]] = await Promise.all(reasons);
  equal(same, reason);
  const back = [root, chat].map((socket) => t.once(socket, "connect"));
  // What is sent meanwhile waits for the server.
  root.emit("collect", "meanwhile");
  setting.server = await setting.server.again();
  await Promise.all(back);
  equal(await t.call(root, "collected"), [["meanwhile"]]);
  equal(await t.call(root, "whoami"), ["/", "ada"]);
  equal(await t.call(chat, "whoami"), ["/chat", "ada"]);
  ok(root.id !== id);
  return reason;
}

/** A client whose poll is under way is told; one between two polls finds nobody there. */
const POLLING = ["transport close", "transport error"];

export default (setting) => ({
  "comes back when the server ended in peace": async (t) => {
    const expected = setting.transport === "polling" ? POLLING : ["transport close"];
    ok(expected.includes(await restart(t, setting, "SIGTERM")));
  },

  "comes back when the server was killed": async (t) => {
    const isPolling = setting.transport === "polling";
    equal(await restart(t, setting, "SIGKILL"), isPolling ? "transport error" : "transport close");
  },
});
