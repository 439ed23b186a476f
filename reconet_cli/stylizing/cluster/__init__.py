"""One film on many machines: its segments are the tasks of a Dask cluster."""

from reconet_cli.stylizing.cluster.run import paint_on_cluster, painting_steps

__all__ = ["paint_on_cluster", "painting_steps"]
