#!/bin/bash
# One Linode more behind the NodeBalancer, for each notification.
NODEBALANCER_ID=1
CONFIG_ID=1
PORT=80
LABEL="nginx-$(tr -dc 'a-z0-9' < /dev/urandom | head -c 25)"
ROOT_PASS=$(openssl rand --base64 32)
linode-cli linodes create \
  --type g6-nanode-1 \
  --region us-east \
  --image linode/debian12 \
  --label "$LABEL" \
  --root_pass "$ROOT_PASS" \
  --tags khw --tags autoscale \
  --private_ip true
PRIVATE_IP=$(linode-cli linodes list --label "$LABEL" --json | jq -r '.[0].ipv4[] | select(startswith("192.168."))')
linode-cli nodebalancers node-create \
  --address "$PRIVATE_IP:$PORT" \
  --label "$LABEL" \
  $NODEBALANCER_ID $CONFIG_ID
