#!/bin/bash
# The steps of the document's scaleOut.sh, with curl in the place of linode-cli: one Linode more behind the NodeBalancer, for each notification.
# From the environment: LINODE_URL, LINODE_TOKEN, NODEBALANCER_ID, CONFIG_ID, PORT; PRIVATE: how a private address begins (here not 192.168.).
LABEL="nginx-$(tr -dc 'a-z0-9' < /dev/urandom | head -c 25)"
ROOT_PASS=$(head -c 32 /dev/urandom | base64)
ask() { curl -sS -H "Authorization: Bearer $LINODE_TOKEN" -H 'Content-Type: application/json' "$@"; }
ask -d "{
    \"type\": \"g6-nanode-1\", \"region\": \"us-east\", \"image\": \"linode/debian12\", \"label\": \"$LABEL\",
    \"root_pass\": \"$ROOT_PASS\", \"tags\": [\"khw\", \"autoscale\"], \"private_ip\": true
  }" "$LINODE_URL/v4/linode/instances"
PRIVATE_IP=$(ask -H "X-Filter: {\"label\": \"$LABEL\"}" "$LINODE_URL/v4/linode/instances" | jq -r ".data[0].ipv4[] | select(startswith(\"$PRIVATE\"))")
ask -d "{\"address\": \"$PRIVATE_IP:$PORT\", \"label\": \"$LABEL\"}" \
  "$LINODE_URL/v4/nodebalancers/$NODEBALANCER_ID/configs/$CONFIG_ID/nodes"
