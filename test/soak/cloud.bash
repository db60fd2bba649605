#!/usr/bin/env bash
# The commands of the exec cloud: one line to the soak, which holds the machines, and its answer. /dev/tcp is a feature of bash.
exec 3<>"/dev/tcp/127.0.0.1/$SOAK_PORT" || exit 1
printf '%s|%s|%s|%s|%s|%s\n' "$DROVER_CALL" "$DROVER_MACHINE_ID" "$DROVER_TOKEN" "$DROVER_GROUP" "$DROVER_INSTANCE" "$DROVER_TEMPLATE_ID" >&3
read -r code <&3 || exit 1
[ "$code" = 0 ] || exit "$code"
exec cat <&3
