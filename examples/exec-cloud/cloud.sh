#!/bin/sh
# A whole cloud: its machines are processes of this host, each running the command behind the verb `create`.
# Every fact is a symbolic link: making one is atomic and fails where one is, so nothing is ever half done or done twice.
dir=${CLOUD_DIR:-/tmp/exec-cloud}; verb=$1; shift; sep=; mkdir -p "$dir" || exit 16
fact() { readlink "$dir/$1/$2"; }
pids() { grep -lsxz "MACHINE=$dir/$1" /proc/[0-9]*/environ | cut -d/ -f3; }
alive() { [ -n "$(pids "$1")" ] || { sleep 0.2; [ -n "$(pids "$1")" ]; }; } # twice: an exec hides the environment for a moment
show() { tags=$(fact "$1" tags) || return; state=pending; [ ! -h "$dir/$1/pid" ] || { alive "$1" && state=running || state=stopped; }
  printf '%s{"id":"%s",%s,"address":"127.0.0.1","state":"%s"}' "$sep" "$1" "$tags" "$state"; sep=,; }
case $verb in
list) printf '{"machines":['; for m in "$dir"/*/tags; do show "$(basename "${m%/tags}")"; done; echo ']}' ;;
create) id=${DROVER_TOKEN:?}; id=$(printf %s "$id" | tr -c 'A-Za-z0-9-' _); m=$dir/$id; mkdir -p "$m"; p=${FIRST_PORT:-21000}
  until [ -h "$m/port" ] || [ "$p" -gt 65535 ]; do ln -s ":$id" "$dir/port-$p" && ln -s "$p" "$m/port"; p=$((p+1)); done 2>/dev/null; p=$(fact "$id" port) || exit 13
  ln -s "\"token\":\"$DROVER_TOKEN\",\"group\":\"$DROVER_GROUP\",\"install\":\"$DROVER_INSTALL\",\"instance\":\"$DROVER_INSTANCE\",\"template\":\"$DROVER_TEMPLATE_ID\",\"port\":$p" "$m/tags" 2>/dev/null
  [ -h "$m/pid" ] || MACHINE=$m PORT=$p ADDRESS=127.0.0.1 setsid sh -c 'ln -s $$ "$MACHINE/pid" && exec "$@"' sh "$@" </dev/null >/dev/null 2>&1 & show "$id" ;;
delete) id=${DROVER_MACHINE_ID:?}; case $id in *[!A-Za-z0-9_-]*) exit 11 ;; esac; [ -d "$dir/$id" ] || exit 11
  ln -s none "$dir/$id/pid" 2>/dev/null; n=0; s=TERM; while alive "$id"; do [ $((n%50)) -gt 0 ] || kill -$s $(pids "$id"); s=KILL; n=$((n+1)); sleep 0.1; done 2>/dev/null
  for l in "$dir"/port-*; do [ "$(readlink "$l")" != ":$id" ] || rm -f "$l"; done; rm -rf "${dir:?}/$id" ;;
esac
