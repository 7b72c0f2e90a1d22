// A TLS 1.3 peer for test_hybrid.py: OpenSSL, as Node.js has it within. Lines go from standard input to the peer, and
// from the peer to standard output.
//
// usage: node hybrid_peer.js CERTIFICATES server GROUPS
//        node hybrid_peer.js CERTIFICATES client GROUPS PORT      (GROUPS: names with colons in between, or "")

"use strict";

const fs = require("node:fs");
const path = require("node:path");
const tls = require("node:tls");

const [certificates, role, groups, port] = process.argv.slice(2);
const file = (name) => fs.readFileSync(path.join(certificates, name));
const options = { minVersion: "TLSv1.3", ca: file("ca.pem"), ...(groups && { ecdhCurve: groups }) };

function talk(socket) {
  console.log("connected");
  socket.on("data", (data) => process.stdout.write(data));
  process.stdin.pipe(socket);
}

if (role === "server") {
  const server = tls.createServer({ ...options, cert: file("server-p256.pem"), key: file("server-p256.key") }, talk);
  server.on("tlsClientError", (error) => console.log(`failed: ${error.message}`));
  server.listen(0, "127.0.0.1", () => console.log(`listening at ${server.address().port}`));
} else {
  const socket = tls.connect({ ...options, port: Number(port), host: "127.0.0.1", servername: "localhost" }, () =>
    talk(socket),
  );
  socket.on("error", (error) => console.log(`failed: ${error.message}`));
}
