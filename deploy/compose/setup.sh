#!/usr/bin/env bash
# Makes what compose.full.yaml needs and nobody else may know, once: a certification
# authority, certificates and passwords. Needs openssl and nothing else.
#
#   deploy/compose/setup.sh          make everything; refuses where there is something
#   deploy/compose/setup.sh renew    make the certificates anew (they last 825 days), the
#                                    authority and the passwords stay; then restart
#
# A container reads its files as its own user. Started by root, the script gives each file
# to that user (mode 0400). Otherwise it cannot: then the files are readable for all, in a
# directory that only you can enter (0700), which binds into containers all the same.
set -euo pipefail
cd "$(dirname "$0")"
umask 077

secrets=${SECRETS:-secrets}
authority_days=3650
certificate_days=825

fail() {
  echo "setup.sh: $*" >&2
  exit 1
}

# The users of the containers.
pulltrail=5241:5241 mosquitto=1883:1883 opensearch=1000:1000 grafana=472:0

password() { openssl rand -hex 24; }

# keep FILE OWNER writes standard input into a secret.
keep() {
  local file=$secrets/$1
  cat >"$file"
  if [[ $(id -u) -eq 0 ]]; then
    chown "$2" "$file"
    chmod 0400 "$file"
  else
    chmod 0444 "$file"
  fi
}

key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256; }

authority() {
  key >"$secrets/ca.key"
  openssl req -x509 -new -key "$secrets/ca.key" -sha256 -days $authority_days -subj "/O=Pulltrail/CN=Pulltrail CA" \
    -addext basicConstraints=critical,CA:TRUE,pathlen:0 -addext keyUsage=critical,keyCertSign,cRLSign -out "$secrets/ca.pem"
  chmod 0400 "$secrets/ca.key"
  chmod 0444 "$secrets/ca.pem"
}

# certificate NAME OWNER USAGE makes NAME.key and NAME.pem; a server is also localhost.
certificate() {
  local name=$1 owner=$2 usage=$3 names=DNS:$1
  if [[ $usage == *serverAuth* ]]; then names+=,DNS:localhost,IP:127.0.0.1; fi
  key >"$work/key"
  openssl req -new -key "$work/key" -subj "/O=Pulltrail/CN=$name" -out "$work/request"
  printf 'subjectAltName=%s\nextendedKeyUsage=%s\nbasicConstraints=CA:FALSE\n' "$names" "$usage" >"$work/extensions"
  openssl x509 -req -in "$work/request" -CA "$secrets/ca.pem" -CAkey "$secrets/ca.key" -set_serial "0x$(openssl rand -hex 16)" \
    -sha256 -days $certificate_days -extfile "$work/extensions" -out "$work/certificate" 2>"$work/log" || fail "$(cat "$work/log")"
  rm -f "$secrets/$name.key" "$secrets/$name.pem" # they are read-only
  keep "$name.key" "$owner" <"$work/key"
  keep "$name.pem" "$owner" <"$work/certificate"
}

certificates() {
  certificate mosquitto $mosquitto serverAuth
  certificate opensearch $opensearch serverAuth,clientAuth
  certificate opensearch-admin $pulltrail clientAuth
  certificate grafana $grafana serverAuth
}

# account NAME PASSWORD prints a line for Mosquitto's password file. A fast hash will do:
# 24 random bytes cannot be guessed.
account() {
  local salt
  salt=$(openssl rand -hex 12)
  printf '%s:%s%s$%s\n' "$1" "\$6\$" "$(printf %s "$salt" | unhex | base64 -w0)" \
    "$({ printf %s "$2" && printf %s "$salt" | unhex; } | openssl dgst -sha512 -binary | base64 -w0)"
}

unhex() {
  local digits
  read -r digits || true
  while [[ -n $digits ]]; do
    printf %b "\\x${digits:0:2}"
    digits=${digits:2}
  done
}

passwords() {
  local home health ours
  home=$(password) health=$(password) ours=$(password)
  { account pulltrail "$ours" && account home "$home" && account health "$health"; } | keep mosquitto-passwords $mosquitto
  keep mqtt-pulltrail $pulltrail <<<"$ours"
  keep mqtt-home "$(id -u):$(id -g)" <<<"$home"
  printf -- '--cafile /run/secrets/ca.pem\n-u health\n-P %s\n' "$health" | keep mosquitto_sub $mosquitto
  keep opensearch-pulltrail $pulltrail < <(password)
  ours=$(password)
  keep opensearch-grafana $grafana < <(printf %s "$ours")
  keep opensearch-users-grafana $pulltrail <<<"$ours"
  keep grafana-admin $grafana < <(password)
}

hash openssl 2>/dev/null || fail "openssl is missing: install it"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

case ${1:-} in
  '')
    [[ ! -e $secrets ]] || fail "$secrets is there already: remove it, and the volumes, to begin anew; \"setup.sh renew\" makes certificates alone"
    target=$secrets secrets=$secrets.new
    rm -rf "$secrets" # of a run that was broken off
    mkdir -m 0700 "$secrets"
    authority
    certificates
    passwords
    mv "$secrets" "$target"
    echo "Everything is in $target: keep a copy of it. Grafana's password, user admin: $target/grafana-admin"
    ;;
  renew)
    [[ -r $secrets/ca.key ]] || fail "there is no $secrets/ca.key to sign with: run setup.sh first"
    certificates
    echo "The certificates are new. Restart: docker compose -f compose.full.yaml up -d --force-recreate"
    ;;
  *) fail "usage: setup.sh [renew]" ;;
esac
