// Node.js, as a peer: see README.md.

"use strict";

const fs = require("node:fs");
const net = require("node:net");
const tls = require("node:tls");

const SECONDS = 30;
const PIECE = 64;
const CHUNK = 16384;

const [role, ...rest] = process.argv.slice(2);
if (role === "version") {
  console.log(`${process.versions.node} with OpenSSL ${process.versions.openssl}`);
  process.exit(0);
}
const settings = { connections: "1", name: "localhost" };
for (const argument of rest) {
  const at = argument.indexOf("=");
  settings[argument.slice(0, at)] = argument.slice(at + 1);
}
const say = (text) => fs.writeSync(1, `${text.replace(/\s+/g, " ")}\n`);
setTimeout(() => { say("broken it takes too long"); process.exit(2); }, SECONDS * 1000).unref();

const options = { minVersion: `TLSv${settings.version}`, maxVersion: `TLSv${settings.version}` };
if (settings.ca) options.ca = fs.readFileSync(settings.ca);
if (settings.cert) Object.assign(options, { cert: fs.readFileSync(settings.cert), key: fs.readFileSync(settings.key) });
if (settings.ask) Object.assign(options, { requestCert: true, rejectUnauthorized: true });
if (settings.alpn) options.ALPNProtocols = settings.alpn.split(",");
if (settings.groups) options.ecdhCurve = settings.groups.replaceAll(",", ":");

const pattern = (size) => Buffer.from(Array.from({ length: size }, (_, at) => at % 251));

// What has arrived, and a promise of more.
class Conversation {
  constructor(socket) {
    this.socket = socket;
    this.inbox = Buffer.alloc(0);
    this.ended = false;
    this.error = null;
    this.wake = () => {};
    socket.on("data", (data) => { this.inbox = Buffer.concat([this.inbox, data]); this.wake(); });
    socket.on("end", () => { this.ended = true; this.wake(); });
    socket.on("error", (error) => { this.error = error; this.wake(); });
    socket.on("close", () => { this.ended = true; this.wake(); });
  }

  more() {
    return new Promise((resolve) => { this.wake = resolve; });
  }

  async receive(size) {
    while (this.inbox.length < size) {
      if (this.error) throw this.error;
      if (this.ended) throw new Error("the peer has closed");
      await this.more();
    }
    if (!this.inbox.subarray(0, size).equals(pattern(size))) throw new Error("the bytes are not those that were sent");
    this.inbox = this.inbox.subarray(size);
  }

  async send(size, most) {
    const data = pattern(size);
    for (let at = 0; at < size; at += most)
      await new Promise((resolve, reject) => {
        this.socket.write(data.subarray(at, at + most), (error) => (error ? reject(error) : resolve()));
      });
  }

  async end() {
    while (!this.ended && !this.error && this.inbox.length === 0) await this.more();
    if (this.error) throw this.error;
    if (this.inbox.length > 0) throw new Error("data came in place of the end");
    say("end closed");
  }

  // Node.js changes its keys only when the peer asks.
  async storm(rounds) {
    for (let round = 0; round < rounds; round++) {
      await this.send(PIECE, PIECE);
      await this.receive(PIECE);
    }
  }

  step(word, number) {
    switch (word) {
      case "send": return this.send(number, CHUNK);
      case "small": return this.send(number, PIECE);
      case "recv": return this.receive(number);
      case "storm": return this.storm(number);
      case "close": return this.socket.end();
      case "end": return this.end();
      case "cut": return process.exit(0);
      default: throw new Error(`no step is called ${word}`);
    }
  }

  async play() {
    const alpn = this.socket.alpnProtocol || "";
    say(`connected resumed=${Number(this.socket.isSessionReused())} alpn=${alpn}`);
    for (const text of settings.script.split(",")) {
      const [word, number] = text.split(":");
      await this.step(word, Number(number));
    }
    say("done");
  }
}

const fail = (error) => say(`failed ${error.code || ""} ${error.message}`);

function serve(count) {
  const server = tls.createServer({ ...options, allowHalfOpen: true });
  const over = () => { if (--count === 0) server.close(); };
  server.on("tlsClientError", (error) => { fail(error); over(); });
  server.on("secureConnection", (socket) => new Conversation(socket).play().catch(fail).then(() => socket.end()).then(over));
  server.listen(0, "127.0.0.1", () => say(`listening ${server.address().port}`));
}

let kept;

function connect() {
  return new Promise((resolve) => {
    const transport = net.connect({ host: "127.0.0.1", port: Number(settings.port), allowHalfOpen: true });
    const socket = tls.connect({ ...options, socket: transport, servername: settings.name, allowHalfOpen: true, session: kept });
    const conversation = new Conversation(socket);
    socket.on("session", (session) => { kept = session; });
    socket.once("close", resolve);
    socket.once("error", (error) => { if (!socket.authorized && !conversation.started) { fail(error); resolve(); } });
    socket.once("secureConnect", () => {
      conversation.started = true;
      conversation.play().catch(fail).then(() => { socket.end(); resolve(); });
    });
  });
}

async function main() {
  if (role === "server") return serve(Number(settings.connections));
  for (let at = 0; at < Number(settings.connections); at++) await connect();
}

main();
