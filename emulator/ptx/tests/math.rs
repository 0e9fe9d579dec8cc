//! CUDA's mathematical functions as NVRTC compiles them, against the host's: a wrong instruction shows as a wrong digit.

mod device;

use device::{Device, ORDERS};
use ptx::{
    Argument::{I32, U64},
    Launch, Settings,
};

const PTX: &str = include_str!("cu/math.ptx");

/// Name, reference, error allowed in units of the last place of f32. The manual's bounds, one more for the approximate
/// instructions.
type Case = (&'static str, fn(f64) -> f64, f64);

const SINGLE: &[Case] = &[
    ("expf_", f64::exp, 2.0),
    ("logf_", f64::ln, 1.0),
    ("tanhf_", f64::tanh, 2.0),
    ("sqrtf_", f64::sqrt, 0.5),
    ("rsqrtf_", |x| 1.0 / x.sqrt(), 2.0),
    ("sinf_", f64::sin, 2.0),
    ("cosf_", f64::cos, 2.0),
    ("expm1f_", f64::exp_m1, 2.0),
    ("log1pf_", f64::ln_1p, 1.0),
    ("powf_", |x| x.powf(0.75), 4.0),
    ("reciprocalf_", |x| 3.0 / x, 0.5),
    ("roundf_", rounded, 2.0), // exact but for the four additions
    ("fmodf_", |x| x % f64::from(0.3_f32), 0.0),
];

/// The same in f64; the host's own functions may be wrong in the last place.
const DOUBLE: &[Case] = &[
    ("exp_", f64::exp, 2.0),
    ("log_", f64::ln, 2.0),
    ("tanh_", f64::tanh, 3.0),
    ("sqrt_", f64::sqrt, 0.0),
    ("sin_", f64::sin, 3.0),
    ("cos_", f64::cos, 3.0),
    ("expm1_", f64::exp_m1, 2.0),
    ("log1p_", f64::ln_1p, 2.0),
    ("pow_", |x| x.powf(0.75), 3.0),
    ("reciprocal_", |x| 3.0 / x, 0.0),
    ("round_", rounded, 0.0),
];

fn rounded(x: f64) -> f64 {
    x.floor() + 2.0 * x.ceil() + 4.0 * x.round_ties_even() + 8.0 * x.trunc() + 16.0 * x.round()
}

/// Positive numbers of all sizes, denormals among them, and for sines some large ones.
fn samples() -> Vec<f64> {
    let mut x: Vec<f64> = (1..2000).map(|i| f64::from(i) * 0.037).collect();
    x.extend((-140..120).map(|e| 1.37 * f64::from(e).exp2()));
    x.extend([0.5, 1.0, 1.5, 2.5, 1e5, 123_456.78, 3e9]);
    x
}

/// Units in the last place between a result and the exact value, for a mantissa of so many bits and the smallest exponent.
fn ulps(found: f64, exact: f64, bits: i32, least: i32, largest: f64) -> f64 {
    if exact.abs() > largest {
        return if found == exact.signum() * f64::INFINITY { 0.0 } else { f64::INFINITY };
    }
    let exponent = if exact == 0.0 { least } else { (exact.abs().log2().floor() as i32).max(least) };
    let error = (found - exact).abs() / 2.0_f64.powi(exponent - bits + 1);
    if error.is_nan() { f64::INFINITY } else { error }
}

#[test]
fn single_precision() {
    let x: Vec<f32> = samples().iter().map(|x| *x as f32).collect();
    let mut device = Device::new("math.ptx", PTX, ORDERS[0]);
    let from = device.floats(&x);
    for (name, exact, bound) in SINGLE {
        let to = device.fresh(4 * x.len());
        device.run(name, 5, 128, 0, &[I32(x.len() as i32), U64(from), U64(to)]);
        for (x, y) in x.iter().zip(device.read_floats(to, x.len())) {
            let exact = exact(f64::from(*x));
            let error = ulps(f64::from(y), exact, 24, -126, f64::from(f32::MAX));
            assert!(error <= *bound + 1e-6, "{name}({x:e}) = {y:e}, not {exact:e}: {error} units in the last place");
        }
    }
}

#[test]
fn double_precision() {
    let x = samples();
    let mut device = Device::new("math.ptx", PTX, ORDERS[0]);
    let from = device.doubles(&x);
    for (name, exact, bound) in DOUBLE {
        let to = device.fresh(8 * x.len());
        device.run(name, 5, 128, 0, &[I32(x.len() as i32), U64(from), U64(to)]);
        for (x, y) in x.iter().zip(device.read_doubles(to, x.len())) {
            let exact = exact(*x);
            let error = ulps(y, exact, 53, -1000, f64::MAX);
            assert!(error <= *bound, "{name}({x:e}) = {y:e}, not {exact:e}: {error} units in the last place");
        }
    }
}

/// erf(1) and erf(0.1) of tables, since the standard library has none.
#[test]
fn error_function() {
    let mut device = Device::new("math.ptx", PTX, ORDERS[0]);
    let exact = [0.842_700_792_949_714_9, 0.112_462_916_018_284_9];
    let (from, to) = (device.doubles(&[1.0, 0.1]), device.fresh(16));
    device.run("erf_", 1, 32, 0, &[I32(2), U64(from), U64(to)]);
    assert!(device.read_doubles(to, 2).iter().zip(exact).all(|(y, exact)| (y - exact).abs() < 2e-16));
    let (from, to) = (device.floats(&[1.0, 0.1]), device.fresh(8));
    device.run("erff_", 1, 32, 0, &[I32(2), U64(from), U64(to)]);
    assert!(device.read_floats(to, 2).iter().zip(exact).all(|(y, exact)| (f64::from(*y) - exact).abs() < 1e-7));
}

#[test]
fn integers() {
    let x: Vec<u32> = (0..500_u32).map(|i| i.wrapping_mul(2_654_435_761).rotate_left(i % 32) >> (i % 29)).collect();
    let mut device = Device::new("math.ptx", PTX, ORDERS[1]);
    let bytes: Vec<u8> = x.iter().flat_map(|x| x.to_le_bytes()).collect();
    let (from, to) = (device.upload(&bytes), device.fresh(8 * x.len()));
    device.run("integers", 3, 64, 0, &[I32(x.len() as i32), U64(from), U64(to)]);
    let found = device.memory.read(to, 8 * x.len()).unwrap().chunks_exact(8);
    for (i, found) in found.enumerate() {
        let found = u64::from_le_bytes(found.try_into().unwrap());
        assert_eq!(found, integer_reference(x[i], x[(i + 1) % x.len()]), "{i}");
    }
}

/// What `integers` computes, line by line.
fn integer_reference(a: u32, b: u32) -> u64 {
    let (s, t) = (a as i32, b as i32 | 1);
    let w = u64::from(a) << 32 | u64::from(b);
    let extend = |x: i32| i64::from(x) as u64;
    let bytes = |at: usize| if at < 4 { a.to_le_bytes()[at] } else { b.to_le_bytes()[at - 4] };
    let high_u = (u64::from(a) * u64::from(b)) >> 32;
    let high_s = ((i64::from(s) * i64::from(t)) >> 32) as u32;
    let ffs = if a == 0 { 0 } else { a.trailing_zeros() + 1 };
    let terms = [
        high_u,
        u64::from(high_s),
        ((u128::from(w) * u128::from(w)) >> 64) as u64,
        u64::from(a.count_ones()),
        u64::from(b.leading_zeros()),
        u64::from(ffs),
        u64::from(a.reverse_bits()),
        u64::from(w.count_ones()),
        u64::from(w.leading_zeros()),
        // The sum of two u32 is one.
        u64::from(u32::from_le_bytes([bytes(0), bytes(4), bytes(1), bytes(5)]).wrapping_add(b << 7 | a >> 25)),
        extend(s.wrapping_div(t)),
        extend(s.wrapping_rem(t)),
        w / u64::from(a | 1),
        w % u64::from(b | 1),
        u64::from((a & 0xff_ffff).wrapping_mul(b & 0xff_ffff)),
        extend(s >> 3),
        u64::from(a >> 5),
        extend((a & 0xff) as i32 * (b & 0xffff) as i32),
        extend(i32::from(a as i8)),
        u64::from(a.abs_diff(b).wrapping_add(7)),
    ];
    terms.into_iter().fold(0, u64::wrapping_add)
}

#[test]
fn shared_memory_votes_shuffles_atomics() {
    let (n, block) = (100_i32, 128);
    let x: Vec<i32> = (0..n).map(|i| (i * 37) % 101 - 50).collect();
    let total: i32 = x.iter().sum();
    let positive = x.iter().filter(|x| **x > 0).count() as i32;
    for order in ORDERS {
        let mut device = Device::new("math.ptx", PTX, order);
        let (from, to, counters) = (device.ints(&x), device.fresh(400), device.ints(&[0; 4]));
        device.run("together", 1, block, 0, &[I32(n), U64(from), U64(to), U64(counters)]);
        assert!(x.contains(&7));
        let expected = |i: i32| {
            let ballot = (0..32).filter(|lane| (i / 32 * 32 + lane) % 3 == 0).count() as i32;
            total + 10_000 * positive + 3_000_000 + ballot
        };
        assert_eq!(device.read_ints(to, 100), (0..n).map(expected).collect::<Vec<_>>(), "{order:?}");
        assert_eq!(device.read_ints(counters, 4), [128, 127, -127, -1], "{order:?}");
    }
}

#[test]
fn local_arrays_tables_and_structs() {
    let mut device = Device::new("math.ptx", PTX, ORDERS[2]);
    let y = device.fresh(4 * 40);
    let kernel = device.program.kernel("arrays").unwrap();
    let sizes = [10, 20, 30, 40, 50, 60, 70, 80, 11_i32];
    let mut arguments: Vec<u8> = sizes.iter().flat_map(|n| n.to_le_bytes()).collect();
    arguments.resize(kernel.params[1].offset, 0);
    arguments.extend(y.to_le_bytes());
    let launch = Launch { kernel, grid: [1, 1, 1], block: [40, 1, 1], shared_bytes: 0, arguments: &arguments };
    let outcome = ptx::launch(&launch, &mut device.memory, &Settings::default()).unwrap();
    assert_eq!(outcome.reports, []);
    let expected = |i: usize| {
        let mut local = [0.0_f32; 8];
        (0..11).for_each(|k| local[(k * i) & 7] += [1.0, 2.0, 3.0, 4.0][k & 3]);
        local[i & 7] + sizes[i & 7] as f32
    };
    assert_eq!(device.read_floats(y, 40), (0..40).map(expected).collect::<Vec<_>>());
}

#[test]
fn unknown_instructions_have_a_name_and_a_line() {
    let text = ".version 7.8\n.target sm_50\n.address_size 64\n.visible .entry k()\n{\n.reg .b32 %r<2>;\nret;\ntex.2d %r1, %r1;\n}";
    let mut memory = ptx::Memory::new(1 << 20);
    let error = ptx::load("k.ptx", text, &mut memory).err().unwrap().to_string();
    assert_eq!(error, "k.ptx:8: unknown instruction `tex.2d`");
    for (body, expected) in [
        ("bra nowhere;", "no label `nowhere` in this function"),
        ("add.s32 %r1, %r2, 1;", "unknown name `%r2` in `add.s32`"),
        ("ld.global.v2.f32 %r1, [%r1];", "`ld.global.v2.f32` needs 2 registers"),
        ("ld.global.f16 %r1, [%r1];", "unknown instruction `ld.global.f16`"),
        ("call.uni f, ();", "function `f` has no body in this file"),
    ] {
        let text = format!(".version 7.8\n.entry k() {{ .reg .b32 %r<2>;\n{body}\n}}");
        let error = ptx::load("k.ptx", &text, &mut memory).err().unwrap().to_string();
        assert_eq!(error, format!("k.ptx:3: {expected}"));
    }
}

#[test]
fn shared_variables_of_the_file_belong_to_the_kernels_that_use_them() {
    let body = "{ .reg .b32 %r<3>; mov.u32 %r1, two; st.shared.u32 [%r1+4], 7; ld.shared.u32 %r2, [two+4]; ret; }";
    let text = format!(
        ".version 7.8\n.shared .align 4 .b8 one[100];\n.shared .align 8 .b8 two[8];\n.entry a() {body}\n.entry b() {{ ret; }}"
    );
    let mut device = Device::new("k.ptx", &text, ORDERS[0]);
    assert_eq!((device.kernel("a").shared_bytes, device.kernel("b").shared_bytes), (8, 0));
    device.run("a", 1, 1, 0, &[]);
}
