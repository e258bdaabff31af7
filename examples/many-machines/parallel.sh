#!/usr/bin/env bash
# Translates standard input by as many processes as there are cores: parallel.sh MODEL [OPTION of parallel ...] < IN
# On other machines, which have rnntext on the PATH and the model in the same folder: parallel.sh MODEL -S host1,host2
set -euo pipefail
model=$(realpath -- "$1")
shift
exec parallel --pipe --keep-order --block 1M --halt now,fail=1 --quote "$@" \
    rnntext translate --quiet --model "$model"
