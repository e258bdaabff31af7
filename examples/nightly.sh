#!/usr/bin/env bash
# Takes new pairs from incoming/, trains if that has changed anything, and translates the lines of waiting.txt.
# Whatever goes wrong in a pipe ends the script; every file is replaced as a whole or not at all.
set -euo pipefail
cd "${1:-.}"

cat pairs.tsv incoming/*.tsv | LC_ALL=C sort -u > pairs.tsv.new
mv pairs.tsv.new pairs.tsv
rm -f incoming/*.tsv

rnntext train-translate pairs.tsv --config train.toml --json --quiet | tee -a results.jsonl

tr -s ' ' < waiting.txt | rnntext translate --model en-es --output translated.txt
