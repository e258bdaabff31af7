#!/usr/bin/env bash
#SBATCH --nodes=2 --ntasks-per-node=1 --requeue --open-mode=append --signal=TERM@120
# Trains one model by a process on each node: sbatch slurm.sh train-charlm book.txt --model /shared/book --epochs 20
# Two minutes before the time of the job is over, SIGTERM makes all save and end; the same command goes on.
set -euo pipefail
hosts=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | sed 's/.*/"&:2222"/' | paste -sd ,)
export hosts
# shellcheck disable=SC2016
exec srun --ntasks-per-node=1 bash -c '
    task="{\"type\": \"worker\", \"index\": $SLURM_PROCID}"
    export TF_CONFIG="{\"cluster\": {\"worker\": [$hosts]}, \"task\": $task}"
    exec rnntext "$@"' rnntext "$@"
