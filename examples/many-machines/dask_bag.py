"""Translates the lines of text files with Dask: python dask_bag.py MODEL IN OUT"""

import functools
import sys

import dask.bag
from dask.distributed import Client

import rnntext

loaded = functools.cache(rnntext.load)  # once in each worker, as that imports this file as a module


def translate(lines, model):
    return list(loaded(model).translate((line.removesuffix("\n") for line in lines), ahead=1536))


if __name__ == "__main__":
    import dask_bag

    model, source, target = sys.argv[1:]
    # By default, malloc gives memory back to the system again and again, and NumPy takes nearly twice as long.
    dask.config.set({"distributed.nanny.pre-spawn-environ": {"OMP_NUM_THREADS": 1}})
    with Client(threads_per_worker=1) as client:
        client.upload_file(__file__)
        lines = dask.bag.read_text(source, blocksize="1MB", linedelimiter="\n", errors="replace")
        answers = lines.map_partitions(dask_bag.translate, model)  # the path: a model is unpickled for each task
        answers.to_textfiles(f"{target}/*.txt", last_endline=True)
