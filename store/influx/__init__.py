"""InfluxDB 1.x and 2.x: a consumer of the journal that acknowledges, and a reader. docs/influxdb.md has the shape."""

from store.influx.reader import InfluxReader

__all__ = ["InfluxReader"]
