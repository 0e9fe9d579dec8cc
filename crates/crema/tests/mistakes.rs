//! Every mistake in a file is an error that names the file, the place, and what to do.
#![allow(clippy::unwrap_used, clippy::panic)] // a test that cannot go on shall panic

mod program;

use program::Folder;

/// Puts `to` in the place of `from` in the example and expects these texts from `crema train`.
fn told(from: &str, to: &str, texts: &[&str]) {
    let folder = Folder::new();
    folder.edit(from, to);
    folder.fail(&["train", "lenet.toml", "--quiet"], &[&["lenet.toml"], texts].concat());
}

#[test]
fn unknown_keys() {
    told(
        "out = \"snapshots\"",
        "output = \"snapshots\"",
        &["TOML parse error at line 10", "unknown field `output`", "`out`"],
    );
    told("max_iter = 10000", "max_iter = 10\niters = 3", &["unknown field `iters`", "`max_iter`"]);
    told("summary = { every", "summary = { evry", &["unknown field `evry`", "`every`"]);
    told("every = { iters = 100 }", "every = { iter = 100 }", &["unknown variant `iter`", "`iters`"]);
    told(
        "n_filter = 50",
        "n_filters = 50",
        &["[[layers]] number 3", "layer `conv2` (Convolution)", "missing field `n_filter`"],
    );
    told(
        "n_filter = 50",
        "n_filter = 50\nneurn = 1",
        &["[[layers]] number 3", "the property `neurn`", "did you mean `neuron`?"],
    );
    told(
        "base_mom = 0.9",
        "base_mom = 0.9, top = 1",
        &["section [solver]", "the solver's method (SGD)", "unknown field `top`"],
    );
    told("channels = \"Gray\"", "chanels = \"Gray\"", &["unknown field `chanels`", "`channels`"]);
}

#[test]
fn wrong_values() {
    told("seed = 12345678", "seed = \"many\"", &["line 9", "invalid type: string \"many\", expected u64"]);
    told("max_iter = 10000\n", "", &["missing field `max_iter`"]);
    told(
        "shuffle = true",
        "shuffle = 1",
        &["[[train]] number 1", "layer `train-data` (Hdf5Data)", "expected a boolean"],
    );
    told("type = \"SGD\"", "type = \"Sdg\"", &["section [solver]", "\"Sdg\"; expected one of Adadelta"]);
    told("base_lr = 0.01", "base_lr = -0.01", &["cannot train as", "base_lr is -0.01; expected a finite number"]);
    told("regu_coef = 0.0005", "regu_coef = -1.0", &["cannot train as", "regu_coef is -1"]);
    told("batch_size = 64", "batch_size = 0", &["layer `train-data`", "batch_size is 0"]);
    told("name = \"MNIST\"", "name = ", &["TOML parse error at line 8"]);
    told("[solver]", "[[solver]]", &["[[solver]]"]);
}

#[test]
fn nets_that_are_none() {
    told(
        "type = \"Accuracy\"",
        "type = \"Acuracy\"",
        &["[[test]] number 2", "`type` of layer `test-accuracy` is `Acuracy`", "did you mean `Accuracy`?"],
    );
    told(
        "bottoms = [\"pool1\"]",
        "bottoms = [\"pol1\"]",
        &["[[layers]] with [[train]]", "layer `conv2` (Convolution) takes blob `pol1`", "did you mean `pool1`?"],
    );
    told("source = \"data/train.txt\"", "source = \"train.txt\"", &["[[layers]] with [[train]]", "train.txt"]);
    told("source = \"data/test.txt\"", "source = \"test.txt\"", &["[[layers]] with [[test]]", "test.txt"]);
    let folder = Folder::new();
    let (head, tail) = (program::LENET.find("[[test]]").unwrap(), program::LENET.find("[solver]").unwrap());
    folder.write("lenet.toml", [&program::LENET[..head], &program::LENET[tail..]].concat());
    folder.fail(
        &["test", "lenet.toml"],
        &["lenet.toml has no section [[test]]; expected one with at least the data layer"],
    );
    folder.fail(&["train", "lenet.toml", "--quiet"], &["lenet.toml has no section [[test]]"]);
}

#[test]
fn files_that_are_not_there() {
    let folder = Folder::new();
    folder.fail(&["train", "lent.toml", "--quiet"], &["cannot read lent.toml", "No such file"]);
    folder.write("lenet.txt", program::LENET);
    folder.fail(&["draw", "lenet.txt"], &["lenet.txt does not end in .toml or .json"]);
    folder.write("lenet.json", "{\"name\": \"x\",\n \"layers\": 5}");
    folder.fail(&["draw", "lenet.json"], &["lenet.json cannot be understood", "expected a sequence at line 2"]);
    folder.fail(&["test", "lenet.toml"], &["snapshots", "no snapshot"]);
    folder.fail(&["test", "lenet.toml", "--weights", "lenet.toml"], &["lenet.toml does not end in .hdf5, .h5, "]);
    folder.write("w.npz", "nonsense");
    folder.fail(&["test", "lenet.toml", "--weights", "w.npz"], &["cannot read the weights in w.npz", "no npz file"]);
    folder.write("predict.toml", program::LENET.split("[predict]").next().unwrap());
    folder.fail(
        &["predict", "predict.toml", "a.png"],
        &["predict.toml has no section [predict]; expected one with `input`"],
    );
}

#[test]
fn weights_of_another_net() {
    let folder = Folder::new();
    folder.succeed(&["train", "lenet.toml", "--max-iter", "1", "--quiet"]);
    folder.edit("output_dim = 500", "output_dim = 400");
    folder.fail(
        &["test", "lenet.toml"],
        &["snapshot-000001.hdf5 does not fit net `MNIST-test`", "`ip1___weight`", "500"],
    );
    folder.fail(&["train", "lenet.toml", "--quiet"], &["cannot go on from snapshots; give another --out", "ip1"]);
    folder.edit("name = \"ip2\"", "name = \"ip3\"");
    folder.fail(&["test", "lenet.toml"], &["lacks parameters of net `MNIST-test`: ip3___weight, ip3___bias"]);
    folder.fail(
        &["predict", "lenet.toml", "a.png"],
        &["as section [predict] of lenet.toml says", "without ip3___weight"],
    );
}
