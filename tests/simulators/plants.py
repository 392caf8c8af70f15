"""A plant with every protocol, for the tests of the simulators."""

SOURCES = """
plant: sim-01
name: 仿真
timezone: Asia/Shanghai
data: ./data
sources:
  plc: {protocol: modbus, url: "tcp://192.168.10.11:502", unit: 3, every: 1s}
  meter: {protocol: modbus, url: "rtu:///dev/ttyUSB0?baud=9600&parity=N", unit: 5, every: 1s}
  cell: {protocol: opcua, url: "opc.tcp://192.168.10.21:4840", every: 1s, security: {insecure: true}}
  broker: {protocol: mqtt, url: "mqtt://192.168.10.2:1883", every: 1s, security: {insecure: true}}
"""
ASSETS = """
assets:
  press-01:
    ideal_cycle: 2400ms
    points:
      state: {source: plc, at: "holding:0", type: uint16, states: {0: off, 1: idle, 2: running, 3: down, 4: setup}}
      total: {source: plc, at: "holding:2", type: uint32, counter: {}}
      good: {source: plc, at: "holding:4", type: uint16, counter: {}}
      hot: {source: plc, at: "holding:6", type: float64, order: DCBA}
      label: {source: plc, at: "holding:20", type: string, length: 4}
      lamp: {source: plc, at: "coil:7"}
      energy: {source: meter, at: "input:72", type: float32, unit: kWh, counter: {}, scale: 40}
  cnc-01:
    ideal_cycle: {A: 40s, B: 50s}
    points:
      state: {source: cell, at: "nsu=urn:cell:cnc;s=CNC01.State", states: mtconnect}
      total: {source: cell, at: "ns=5;s=CNC01.Parts", counter: {}}
      product: {source: cell, at: "ns=5;s=CNC01.Product", type: string}
  oven-01:
    points:
      state: {source: broker, at: {topic: plant/+/telemetry, path: state}, states: {IDLE: idle, RUN: running}}
      power: {source: broker, at: {topic: plant/+/telemetry, path: power.total, time: ts}, unit: kW}
meters:
  main: {carrier: electricity, point: {source: meter, at: "input:0", type: uint32, unit: kWh, counter: {}}}
"""
