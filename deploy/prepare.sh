#!/bin/sh
# Makes secrets/ once: random passwords, and certificates for the broker. What is there already stays. As root, so that
# the files belong to those who read them in their containers: 1000 is Gemba and InfluxDB, 1883 Mosquitto.
# usage: deploy/prepare.sh [NAME-OF-THIS-GATEWAY]
set -eu
umask 077
cd "$(dirname "$0")/.."
name=${1:-$(hostname)}
certs=secrets/mosquitto/certs
mkdir -p "$certs" secrets/mosquitto/kept plant
for secret in influxdb-password influxdb-token mqtt-password; do
  [ -s "secrets/$secret" ] || openssl rand -hex 24 | tr -d '\n' > "secrets/$secret"
done
[ -e secrets/api-token ] || : > secrets/api-token
printf 'user gemba\ntopic read #\n' > secrets/mosquitto/acl
if [ ! -s "$certs/broker.pem" ]; then
  openssl req -x509 -newkey rsa:3072 -nodes -days 3650 -subj "/CN=Gemba $name" \
    -keyout secrets/ca-key.pem -out "$certs/ca.pem" 2>/dev/null
  openssl req -newkey rsa:3072 -nodes -subj "/CN=$name" -keyout "$certs/broker-key.pem" -out secrets/broker.csr 2>/dev/null
  printf 'subjectAltName=DNS:%s,DNS:mosquitto,DNS:localhost,IP:127.0.0.1\n' "$name" > secrets/names
  openssl x509 -req -in secrets/broker.csr -CA "$certs/ca.pem" -CAkey secrets/ca-key.pem -CAcreateserial -days 825 \
    -extfile secrets/names -out "$certs/broker.pem" 2>/dev/null
  rm -f secrets/broker.csr secrets/names
fi
cp "$certs/ca.pem" plant/ca.pem
[ -e secrets/mosquitto/passwords ] || : > secrets/mosquitto/passwords
[ -s plant/plant.yaml ] || cp deploy/plant.yaml plant/plant.yaml
if [ "$(id -u)" = 0 ]; then
  chown -R 1000:1000 secrets plant
  chown -R 1883:1883 secrets/mosquitto
fi
echo "secrets/ is ready; keep it away from backups that others can read"
