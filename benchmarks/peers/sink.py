"""Stands in for a ThingsBoard server behind an MQTT broker: grants a session without limits and counts what arrives.

python sink.py PORT; then each line `FROM TO` [s since 1970] on its input is answered with how many values are of that
time.
"""

import sys
from collections import Counter
from typing import Any

import orjson
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

REQUEST, RESPONSE, TELEMETRY = "v1/devices/me/rpc/request/", "v1/devices/me/rpc/response/", "v1/gateway/telemetry"
SESSION = b'{"maxPayloadSize": 65536, "maxInflightMessages": 0, "rateLimits": {}, "gatewayRateLimits": {}}'
counted: Counter[int] = Counter()


def heard(client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
    if message.topic.startswith(REQUEST):
        client.publish(RESPONSE + message.topic.removeprefix(REQUEST), SESSION, 1)
        return
    for rows in orjson.loads(message.payload).values():
        for row in rows:
            counted[row["ts"] // 1000] += len(row["values"])


def main() -> None:
    client = paho.Client(CallbackAPIVersion.VERSION2, "sink")
    client.on_message = heard
    client.on_connect = lambda *_: client.subscribe([(REQUEST + "+", 1), (TELEMETRY, 1)])
    client.on_subscribe = lambda *_: print("ready", flush=True)
    client.connect("127.0.0.1", int(sys.argv[1]))
    client.loop_start()
    for line in sys.stdin:
        begin, end = map(int, line.split())
        print(sum(counted[second] for second in range(begin, end)), flush=True)


if __name__ == "__main__":
    main()
