#!/usr/bin/env bash
# Makes the two users of the cluster, each with a role that lets it do its work and nothing
# else. What is there already is replaced, so it may be repeated; that is also how
# changed passwords get there. It asks as the administrator, who has a certificate.
set -euo pipefail

url=${OPENSEARCH_URL:?the address of the cluster, such as https://opensearch:9200}
secrets=${SECRETS:?the directory of certificates and passwords}

# put PATH sends standard input, so that no password stands on a command line.
put() {
  local answer
  answer=$(curl -sS --max-time 30 --retry 5 --cacert "$secrets/ca.pem" --cert "$secrets/opensearch-admin.pem" \
    --key "$secrets/opensearch-admin.key" -X PUT -H 'Content-Type: application/json' -d @- \
    -w '\n%{http_code}' "$url/_plugins/_security/api/$1")
  case ${answer##*$'\n'} in
    200 | 201) echo "$1" ;;
    *)
      echo "users.sh: $1: $answer" >&2
      return 1
      ;;
  esac
}

# user NAME ROLE makes a user with the password in opensearch-users-NAME.
user() {
  local password
  password=$(<"$secrets/opensearch-users-$1")
  printf '{"password": "%s"}' "$password" | put "internalusers/$1"
  printf '{"users": ["%s"]}' "$1" | put "rolesmapping/$2"
}

# Indices of further routes need a pattern here.
put roles/pulltrail_writer <<'JSON'
{
  "description": "Pulltrail: writes its indices",
  "cluster_permissions": ["cluster_monitor", "indices:data/write/bulk"],
  "index_permissions": [{
    "index_patterns": ["dockerhub-repositories-metrics-*"],
    "allowed_actions": ["create_index", "write"]
  }]
}
JSON
put roles/pulltrail_reader <<'JSON'
{
  "description": "Grafana: reads Pulltrail's indices",
  "cluster_permissions": ["cluster:monitor/main", "cluster_composite_ops_ro"],
  "index_permissions": [{
    "index_patterns": ["dockerhub-repositories-metrics-*"],
    "allowed_actions": ["read", "indices:admin/mappings/get", "indices:admin/mappings/fields/get*", "indices:admin/get"]
  }]
}
JSON
user pulltrail pulltrail_writer
user grafana pulltrail_reader
