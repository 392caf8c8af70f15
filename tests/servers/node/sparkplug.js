// A Sparkplug B edge node on Eclipse Tahu's sparkplug-payload and mqtt.js, which share nothing with our decoder.
//
// It keeps bdSeq and seq as the specification asks, and breaks them when it is told to. Options come as one JSON argument.
"use strict";
const fs = require("node:fs");
const mqtt = require("mqtt");
const tahu = require("sparkplug-payload").get("spBv1.0");
const { Payload } = require("sparkplug-payload/lib/sparkplugPayloadProto").org.eclipse.tahu.protobuf;
const { orders, say } = require("./orders.js");

const options = JSON.parse(process.argv[2]);
const commands = []; // a host that only listens sends none
let seq = 0;

function topic(kind, device) {
  return ["spBv1.0", options.group, kind, options.node, ...(device ? [device] : [])].join("/");
}

function birthAndDeath() {
  return { name: "bdSeq", type: "UInt64", value: String(options.bdSeq) };
}

function encoded({ kind, metrics, timestamp, skip, bare }) {
  const at = timestamp === null ? Date.now() : timestamp;
  if (kind === "NDEATH") {
    return tahu.encodePayload({ timestamp: at, metrics: [birthAndDeath()] });
  }
  seq = kind === "NBIRTH" ? 0 : (seq + 1 + skip) % 256;
  const all = kind === "NBIRTH" ? [birthAndDeath(), ...metrics] : metrics;
  const bytes = tahu.encodePayload({ timestamp: at, seq, metrics: all.map((m) => ({ timestamp: at, ...m })) });
  if (!bare) {
    return bytes;
  }
  // Newer edge nodes leave the datatype of a data message to the birth; this library always writes it.
  const payload = Payload.decode(bytes);
  payload.metrics.forEach((metric) => delete metric.datatype);
  return Payload.encode(payload).finish();
}

const client = mqtt.connect({
  protocol: options.ca ? "mqtts" : "mqtt",
  host: options.host,
  port: options.port,
  ca: options.ca ? fs.readFileSync(options.ca) : undefined,
  username: options.user || undefined,
  password: options.password || undefined,
  clientId: `${options.group}-${options.node}`,
  clean: true,
  reconnectPeriod: 0,
  will: { topic: topic("NDEATH"), payload: Buffer.from(encoded({ kind: "NDEATH", timestamp: null })), qos: 1 },
});

client.on("connect", async () => {
  await client.subscribeAsync([topic("NCMD"), topic("DCMD", "+")], { qos: 1 });
  say({ ready: true });
});
client.on("message", (name) => commands.push(name));
client.on("error", (fault) => {
  console.error(fault);
  process.exit(1);
});

orders({
  async publish(words) {
    const payload = Buffer.from(encoded(words));
    await client.publishAsync(topic(words.kind, words.device), payload, { qos: words.qos });
    return { topic: topic(words.kind, words.device), seq, bytes: payload.toString("hex") };
  },
  commands: () => ({ commands }),
});
