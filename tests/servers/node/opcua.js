// An OPC UA server on node-opcua whose values say where they come from: node i after s updates is i * 1000000 + s.
//
// Options come as one JSON argument; orders as JSON lines on stdin, each answered by a line on stdout. It ends when stdin does.
"use strict";
const {
  DataType, MessageSecurityMode, OPCUACertificateManager, OPCUAServer, SecurityPolicy, StatusCodes, Variant,
  VariantArrayType,
} = require("node-opcua");
const { orders, say } = require("./orders.js");

const options = JSON.parse(process.argv[2]);
const NAMESPACE = "urn:gemba:tests:plant";

const VALUES = {
  Double: (i, s) => i * 1000000 + s,
  Float: (i, s) => (i % 1000) * 1000 + (s % 1000),
  Int64: (i, s) => split(BigInt(i) * 1000000n + BigInt(s)),
  UInt64: (i, s) => split(BigInt(i) * 1000000n + BigInt(s)),
  Int32: (i, s) => (i % 1000) * 1000000 + (s % 1000000),
  UInt32: (i, s) => (i % 1000) * 1000000 + (s % 1000000),
  Int16: (i, s) => (i % 30) * 1000 + (s % 1000),
  UInt16: (i, s) => (i % 60) * 1000 + (s % 1000),
  Boolean: (i, s) => (i + s) % 2 === 1,
  String: (i, s) => `${i}/${s}`,
};

// node-opcua holds a 64-bit integer as a pair of 32-bit halves.
function split(value) {
  return [Number(value >> 32n), Number(value & 0xffffffffn)];
}

function certificates(name) {
  return new OPCUACertificateManager({
    automaticallyAcceptUnknownCertificate: options.trustClients,
    rootFolder: `${options.folder}/${name}`,
    disableFileWatchers: true,
  });
}

function served() {
  return new OPCUAServer({
    port: options.port,
    host: options.host,
    hostname: options.host,
    serverInfo: { applicationUri: "urn:gemba:tests:node-opcua" },
    allowAnonymous: options.anonymous,
    userManager: { isValidUser: (user, password) => options.users[user] === password },
    securityPolicies: options.policies.map((policy) => SecurityPolicy[policy]),
    securityModes: options.modes.map((mode) => MessageSecurityMode[mode]),
    serverCertificateManager: certificates("pki"),
    userCertificateManager: certificates("users"),
    serverCapabilities: { maxSessions: 200, operationLimits: options.limits },
    maxConnectionsPerEndpoint: 200,
  });
}

function plant(addressSpace) {
  for (let k = 0; k < options.namespacesBefore; k++) {
    addressSpace.registerNamespace(`urn:gemba:tests:before-${k}`);
  }
  const namespace = addressSpace.registerNamespace(NAMESPACE);
  const folder = namespace.addFolder("ObjectsFolder", { browseName: "Plant" });
  return Array.from({ length: options.nodes }, (_, i) => {
    const type = options.types[i % options.types.length];
    const variable = namespace.addVariable({
      organizedBy: folder,
      browseName: `n${i}`,
      nodeId: `s=n${i}`,
      dataType: type,
      accessLevel: "CurrentRead",
      userAccessLevel: "CurrentRead",
      minimumSamplingInterval: 10,
    });
    return { variable, type };
  });
}

async function main() {
  const server = served();
  await server.initialize();
  const nodes = plant(server.engine.addressSpace);
  const held = new Map(); // nodes that do not follow the updates: their status code by index
  let sequence = 0;

  function put(i) {
    const { variable, type } = nodes[i];
    const status = StatusCodes[held.get(i) || "Good"];
    const value = { dataType: DataType[type], arrayType: VariantArrayType.Scalar, value: VALUES[type](i, sequence) };
    variable.setValueFromSource(new Variant(value), status, new Date());
  }
  nodes.forEach((_, i) => put(i));

  orders({
    status({ node, status }) {
      held.set(node, status);
      put(node);
      return {};
    },
    step() {
      sequence += 1;
      nodes.forEach((_, i) => put(i));
      return { sequence };
    },
    sequence: () => ({ sequence }),
  });
  await server.start();
  if (options.hz > 0) {
    // Due by the clock, not by the timer, which is always a little late.
    const began = process.hrtime.bigint();
    setInterval(() => {
      const due = Math.floor((Number(process.hrtime.bigint() - began) / 1e9) * options.hz);
      if (due > sequence) {
        sequence = due;
        nodes.forEach((_, i) => put(i));
      }
    }, Math.max(1, 500 / options.hz));
  }
  process.on("SIGTERM", () => server.shutdown(0).finally(() => process.exit(0)));
  say({ ready: true });
}

main().catch((fault) => {
  console.error(fault);
  process.exit(1);
});
