#!/usr/bin/env bash
# The commands of the exec cloud: one question to the judge, one answer. /dev/tcp is a feature of bash; no other program is started but cat.
exec 3<>"/dev/tcp/127.0.0.1/$JUDGE_PORT" || exit 1
printf '%s|%s|%s|%s|%s|%s|%s\n' "$DROVER_CALL" "$DROVER_MACHINE_ID" "$DROVER_TOKEN" "$DROVER_GROUP" "$DROVER_INSTALL" "$DROVER_INSTANCE" "$DROVER_TEMPLATE_ID" >&3
read -r code <&3 || exit 1 # no answer: nobody knows what was done
[ "$code" = 0 ] || exit "$code"
exec cat <&3
