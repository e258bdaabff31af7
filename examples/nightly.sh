#!/usr/bin/env bash
# Takes new pairs from incoming/, trains or goes on training, and translates the lines of waiting.txt, if there are any.
# Files are to be moved into incoming/ when they are complete. One that is not lines of source TAB target is named on
# stderr and stays there; everything else is done all the same, and the script ends with 65. Whatever else goes wrong
# ends it at once, with the code of what failed. Every file is replaced as a whole or not at all.
set -euo pipefail
shopt -s nullglob
cd -- "${1:-.}"
PATH=$PATH:/usr/local/bin  # cron has /usr/bin:/bin
export RNNTEXT_CONFIG=  # the defaults of whoever runs it are not those of the job
exec 9< .
flock --wait 600 9 || { echo "nightly.sh: another one is still at work in $PWD" >&2; exit 75; }

code=0
mkdir -p taken  # what is in it already was taken on a night that did not get further
for file in incoming/*.tsv; do
    if ! iconv -f UTF-8 -t UTF-8 "$file" > /dev/null 2>&1; then
        fault="cannot be read, or is not valid UTF-8"
    elif found=$(LC_ALL=C grep -anvE -m 1 $'\t|^[[:space:]]*$' "$file"); then
        fault="line ${found%%:*}: no TAB between source and target"
    else
        mv --backup=numbered "$file" taken/  # a new file of the same name may come now
        continue
    fi
    echo "nightly.sh: $file: $fault; mend it where it is" >&2
    code=65
done

taken=(taken/*)
LC_ALL=C sort -u pairs.tsv "${taken[@]}" > pairs.tsv.new  # ends a last line that has no end
sync pairs.tsv.new
mv pairs.tsv.new pairs.tsv
rm -f "${taken[@]}"

rnntext train-translate pairs.tsv --config train.toml --json --quiet | tee -a results.jsonl

if [ -e waiting.txt ] && [ -e "${RNNTEXT_CHECKPOINTS:-checkpoints}/en-es/current" ]; then  # not before the first model
    tr -s ' ' < waiting.txt | rnntext translate --model en-es --output translated.txt
fi
exit "$code"
