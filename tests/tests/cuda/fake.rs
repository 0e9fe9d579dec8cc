//! Running a test's body on the fake driver, or on a card where `cargo xtask gpu-check` asks for it.

use backend_cuda::{Cuda, Options};
use fake_cuda::{Control, Libraries};

/// Whether the tests run on a card. Those that need the fake are not asked for then.
pub(crate) fn is_on_a_card() -> bool {
    std::env::var_os("CREMA_TESTS_ON_GPU").is_some() && !fake_cuda::is_rerun()
}

/// Runs the body of the test called `test` with a device of the fake, in a process of its own, which fails if the fake has
/// anything to complain about in the end.
pub(crate) fn on_the_fake(test: &str, body: impl FnOnce(&Cuda)) {
    on_the_fake_with(Options::default(), test, body);
}

/// As [`on_the_fake`], with a choice.
pub(crate) fn on_the_fake_with(options: Options, test: &str, body: impl FnOnce(&Cuda)) {
    if is_on_a_card() {
        return body(&Cuda::with_options(0, options).unwrap_or_else(|error| panic!("{error}")));
    }
    with_libraries(test, &Libraries::new(), &[], || {
        let control = Control::open().unwrap();
        let cuda = Cuda::with_options(0, options).unwrap_or_else(|error| panic!("{error}"));
        body(&cuda);
        cuda.synchronize().unwrap();
        println!("{} launches, {} allocations", count(&control, "launches"), count(&control, "allocations"));
        assert!(count(&control, "launches") > 0);
    });
}

/// Runs the body of the test called `test` in a process that finds these libraries.
pub(crate) fn with_libraries(test: &str, libraries: &Libraries, environment: &[(&str, &str)], body: impl FnOnce()) {
    if fake_cuda::is_rerun() {
        return body();
    }
    assert!(!is_on_a_card(), "{test} needs the fake driver; it is not for a card");
    let folder = libraries.build().unwrap();
    let output = fake_cuda::rerun(folder.path(), test, environment).unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains("1 passed"), "{test} on the fake driver:\n{out}\n{err}");
    println!("{out}");
}

/// Runs the threads of a block in another order from now on, where that can be chosen.
pub(crate) fn change_order_of_threads(seed: u64) {
    if fake_cuda::is_rerun() {
        Control::open().unwrap().set("order", seed).unwrap();
    }
}

pub(crate) fn count(control: &Control, name: &str) -> u64 {
    control.get(name).unwrap()
}
