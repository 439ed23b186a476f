"""Optical-flow data sets with ground truth: Middlebury, MPI Sintel, KITTI, FlyingChairs, FlyingThings3D, Monkaa."""

from reconet_cli.flow.datasets.dataset import FlowDataset, find_dataset, open_dataset
from reconet_cli.flow.datasets.pairs import FlowPair, GroundTruth, TracedPair

__all__ = ["FlowDataset", "FlowPair", "GroundTruth", "TracedPair", "find_dataset", "open_dataset"]
