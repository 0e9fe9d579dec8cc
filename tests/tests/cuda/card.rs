//! Which card the tests run on.

use crate::fake::{is_on_a_card, on_the_fake};
use backend_cuda::Cuda;
use core_tensor::{Backend, DType, Role, Shape, ops::kernels};

/// Says it in a line that `cargo xtask gpu-check` looks for. A device that is not there is its concern, not a failed test.
#[test]
fn says_what_it_is() {
    if is_on_a_card() {
        match Cuda::new(0) {
            Ok(cuda) => println!("card: {}", cuda.describe()),
            Err(reason) => println!("no card: {reason}"),
        }
        return;
    }
    on_the_fake("card::says_what_it_is", |cuda| {
        println!("card: {}", cuda.describe());
        assert!(cuda.describe().contains("Fake"), "nothing may take the fake for a card: {}", cuda.describe());
        let one = cuda.alloc(Shape::new(&[1]).unwrap(), DType::F32, Role::Data).unwrap();
        kernels::fill(cuda, &one, 1.0).unwrap();
    });
}
