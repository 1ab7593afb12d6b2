"""The chatroom's client in Python: `python3 examples/chatroom/client.py NAME [URL]`.

It needs `pip install "python-socketio[client]"`, and hears and says what the browser and the terminal do: see
`contract.rs`.
"""

import sys

import socketio

CHAT = "/chat"
room = "lobby"
client = socketio.Client()


def say(text):
    print(text, flush=True)


def ask(event, *values):
    """Sends an event, waits for its answer and tells why it was refused."""
    try:
        answer = client.call(event, values, namespace=CHAT, timeout=5)
    except socketio.exceptions.SocketIOError as error:
        return say(f"* the server does not answer: {error}")
    if answer and "error" in answer:
        say(f"* {answer['error']['message']}")


@client.on("connect", namespace=CHAT)
def connected():
    # After a lost connection, too: the server only knows who is new.
    ask("go", room)


@client.on("connect_error", namespace=CHAT)
def refused(error):
    say(f"* {error['message'] if isinstance(error, dict) else error}")


@client.on("disconnect", namespace=CHAT)
def disconnected(reason):
    say(f"* the connection is lost: {reason}")


@client.on("entered", namespace=CHAT)
def entered(view):
    global room
    room = view["room"]
    for line in view["lines"]:
        posted(line)
    say(f"* you are in the {room}, with {', '.join(view['here'])}")


@client.on("posted", namespace=CHAT)
def posted(line):
    say(f"{line['number']} {line['from']}: {line['text']}")


@client.on("came", namespace=CHAT)
def came(name):
    say(f"* {name} came")


@client.on("left", namespace=CHAT)
def left(name, why):
    say(f"* {name} left: {why}")


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit("write a name, or a name and the server's URL")
    name = sys.argv[1]
    url = sys.argv[2] if len(sys.argv) == 3 else "http://127.0.0.1:8005"
    try:
        client.connect(url, namespaces=[CHAT], auth={"name": name})
    except socketio.exceptions.ConnectionError as error:
        sys.exit(f"not let in: {error}")
    for text in map(str.strip, sys.stdin):
        if text == "/quit":
            break
        if text.startswith("/go "):
            ask("go", text.removeprefix("/go ").strip())
        elif text:
            ask("post", text)
    client.disconnect()


if __name__ == "__main__":
    main()
