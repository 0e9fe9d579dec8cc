//! Running a test's body on the fake driver.

use backend_cuda::Cuda;
use fake_cuda::{Control, Libraries};

/// Runs the body of the test called `test` with a device of the fake, in a process of its own. Afterwards the fake must have
/// nothing to complain about, and nothing may be left in its memory.
pub(crate) fn on_the_fake(test: &str, body: impl FnOnce(&Cuda)) {
    with_libraries(test, &Libraries::new(), &[], || {
        let control = Control::open().unwrap();
        let cuda = Cuda::new(0).unwrap_or_else(|error| panic!("{error}\n{:?}", control.messages()));
        body(&cuda);
        cuda.synchronize().unwrap();
        drop(cuda);
        assert_eq!(control.messages().unwrap(), [""; 0]);
        assert_eq!(control.get("live_allocations").unwrap(), 0);
        println!("{} launches, {} allocations", count(&control, "launches"), count(&control, "allocations"));
        assert!(count(&control, "launches") > 0);
    });
}

/// Runs the body of the test called `test` in a process that finds these libraries.
pub(crate) fn with_libraries(test: &str, libraries: &Libraries, environment: &[(&str, &str)], body: impl FnOnce()) {
    if fake_cuda::is_rerun() {
        return body();
    }
    let folder = libraries.build().unwrap();
    let output = fake_cuda::rerun(folder.path(), test, environment).unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains("1 passed"), "{test} on the fake driver:\n{out}\n{err}");
    println!("{out}");
}

pub(crate) fn count(control: &Control, name: &str) -> u64 {
    control.get(name).unwrap()
}
