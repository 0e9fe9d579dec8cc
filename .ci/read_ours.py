"""Reads with h5py what Crema has written: the data set, a snapshot and the statistics.

Usage: read_ours.py FOLDER_OF_IDX_FILES FOLDER_OF_HDF5_FILES FOLDER_OF_A_RUN
"""

import gzip
import pathlib
import sys

import h5py
import numpy as np

PARAMETERS = {
    "conv1___filter": (20, 1, 5, 5),
    "conv1___bias": (20,),
    "conv2___filter": (50, 20, 5, 5),
    "conv2___bias": (50,),
    "ip1___weight": (500, 800),
    "ip1___bias": (500,),
    "ip2___weight": (10, 500),
    "ip2___bias": (10,),
}


def main():
    idx, data, run = (pathlib.Path(argument) for argument in sys.argv[1:])
    data_set(idx, data)
    snapshot(run / "snapshot-000020.hdf5")
    statistics(run / "statistics.hdf5")


def data_set(idx, folder):
    for part, stem in [("test", "t10k"), ("train", "train")]:
        images = idx_file(idx / f"{stem}-images-idx3-ubyte.gz", 16).reshape(-1, 1, 28, 28) / np.float32(256)
        labels = idx_file(idx / f"{stem}-labels-idx1-ubyte.gz", 8).reshape(-1, 1).astype(np.float32)
        with h5py.File(folder / f"{part}.hdf5") as file:
            assert sorted(file) == ["data", "label"], sorted(file)
            for name, expected in [("data", images), ("label", labels)]:
                found = file[name]
                assert found.dtype == np.dtype("<f4") and found.chunks is None, found
                assert found.shape == expected.shape, found
            found_images, found_labels = file["data"][:], file["label"][:]
        if part == "train":
            assert not np.array_equal(found_labels, labels), "the training samples are not permuted"
            assert samples(found_images, found_labels) == samples(images, labels)
        else:
            assert np.array_equal(found_images, images) and np.array_equal(found_labels, labels)
        print(f"h5py reads {part}.hdf5: {found_images.shape}, {found_labels.shape}")


def samples(images, labels):
    """Images with their labels, in an order that depends on nothing else."""
    return sorted(image.tobytes() + label.tobytes() for image, label in zip(images, labels))


def snapshot(path):
    with h5py.File(path) as file:
        for name, shape in PARAMETERS.items():
            for values in (file[name], file[f"history/momentum/{name}"]):
                assert values.dtype == np.dtype("<f4") and values.shape == shape, values
                assert np.isfinite(values[:]).all() and np.any(values[:]), values
        print(f"h5py reads {path.name}: {len(PARAMETERS)} parameters with their momentum, attributes {list(file.attrs)}")


def statistics(path):
    with h5py.File(path) as file:
        found = []
        file.visititems(lambda name, item: found.append((name, item.shape)) if isinstance(item, h5py.Dataset) else None)
        assert found, "no statistics"
        print(f"h5py reads {path.name}: {found}")


def idx_file(path, header):
    return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=header)


main()
