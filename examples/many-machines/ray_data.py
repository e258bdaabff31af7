"""Translates the column "text" of Parquet files with Ray Data: python ray_data.py MODEL IN OUT"""

import sys

import pyarrow as pa
import ray

import rnntext


class Translator:
    def __init__(self, model):
        self.model = rnntext.load(model)  # once in each worker

    def __call__(self, batch):
        answers = self.model.translate(batch["text"].to_pylist(), ahead=1536)
        return batch.append_column("translation", pa.array(answers, pa.string()))


model, source, target = sys.argv[1:]
texts = ray.data.read_parquet(source).repartition(target_num_rows_per_block=1536)  # one block is one task
texts.map_batches(
    Translator,
    fn_constructor_args=[model],
    compute=ray.data.ActorPoolStrategy(),  # as many workers as there are cores
    batch_size=1536,
    batch_format="pyarrow",
).write_parquet(target)
