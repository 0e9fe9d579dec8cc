"""Writes one data set with h5py in many ways; training on each of them must give the same bits.

Usage: write_theirs.py FOLDER_OF_HDF5_FILES FOLDER_TO_WRITE
"""

import pathlib
import sys

import h5py
import numpy as np

SAMPLES = 1280

WAYS = {
    "contiguous": {},
    "chunked": {"chunks": True},
    "gzip": {"compression": "gzip", "chunks": True},
    "shuffle-gzip": {"compression": "gzip", "shuffle": True, "chunks": True},
    "unlimited": {"maxshape": True, "chunks": True},
    "f64": {"dtype": "<f8"},
    "big-endian-f32": {"dtype": ">f4"},
    "big-endian-f64": {"dtype": ">f8", "chunks": True},
    "label-u8": {"label": "u1"},
    "label-i32": {"label": "<i4"},
    "label-big-endian-i64": {"label": ">i8", "chunks": True},
}


def main():
    source, target = (pathlib.Path(argument) for argument in sys.argv[1:])
    for way, options in WAYS.items():
        folder = target / way
        folder.mkdir(parents=True)
        for part in ["train", "test"]:
            with h5py.File(source / f"{part}.hdf5") as file:
                data, label = file["data"][:SAMPLES], file["label"][:SAMPLES]
            with h5py.File(folder / f"{part}.hdf5", "w") as file:
                write(file, "data", data, options.get("dtype", "<f4"), options)
                write(file, "label", label, options.get("label", "<f4"), options)
            (folder / f"{part}.txt").write_text(f"{part}.hdf5\n")


def write(file, name, values, dtype, options):
    chunks = (100, *values.shape[1:]) if options.get("chunks") else None
    maxshape = (None, *values.shape[1:]) if options.get("maxshape") else None
    filters = {key: options[key] for key in ("compression", "shuffle") if key in options}
    file.create_dataset(name, data=values.astype(np.dtype(dtype)), chunks=chunks, maxshape=maxshape, **filters)


main()
