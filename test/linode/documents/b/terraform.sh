#!/bin/sh
# terraform.sh INBOX RELEASE PORT: one state for each machine, so that nodes do not wait for each other.
export CHECKPOINT_DISABLE=1
exec terraform -chdir=terraform apply -input=false -auto-approve -no-color -state="$DROVER_MACHINE_ID.tfstate" \
  -var "machine=$DROVER_MACHINE_ID" -var "address=$DROVER_ADDRESS:$3" -var "inbox=$1" -var "release=$2"
