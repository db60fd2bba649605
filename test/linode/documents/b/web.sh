#!/bin/sh
# <UDF name="ARTEFACTS" label="Address of the artefacts" />
set -eu
curl -fsS --retry 5 --retry-connrefused --max-time 20 "$ARTEFACTS/current" > version
