#!/bin/bash
# What an operator's script does when Alertmanager calls: start one more machine, wait until it answers, put it behind HAProxy.
# ADMIN: port of HAProxy's Runtime API. SLOT: free entry of the backend. PORT: where the machine will listen. The rest is the machine's own.
set -eu

ask() { # one line to the Runtime API
  exec 3<>"/dev/tcp/127.0.0.1/$ADMIN"
  echo "$1" >&3
  cat <&3 >/dev/null
  exec 3>&-
}

setsid "$NODE" "$MACHINE" </dev/null >/dev/null 2>&1 &
until curl -fsS -o /dev/null "http://127.0.0.1:$PORT/healthz" 2>/dev/null; do sleep 0.1; done
ask "set server classic/$SLOT addr 127.0.0.1 port $PORT"
ask "set server classic/$SLOT state ready"
