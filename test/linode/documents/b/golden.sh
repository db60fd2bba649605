#!/bin/sh
# <UDF name="RELEASE" label="What the image holds" />
echo "$RELEASE" > version
