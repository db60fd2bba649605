#!/bin/sh
# A base system: what it shall run comes from a pipeline. The folder stands for its SSH.
# <UDF name="INBOX" label="Where the pipeline puts it" />
until [ -s "$INBOX/$LINODE_ID" ]; do sleep 0.2; done
cp "$INBOX/$LINODE_ID" version
