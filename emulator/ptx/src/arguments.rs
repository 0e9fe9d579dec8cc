//! Arguments of a launch, checked against the kernel's parameters.

use crate::decode::Kernel;

/// A kernel's argument.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Argument {
    /// `.u32`, `.s32` or `.b32`.
    U32(u32),
    /// As [`Argument::U32`].
    I32(i32),
    /// `.u64`, `.s64` or `.b64`, pointers among them.
    U64(u64),
    /// `.f32`
    F32(f32),
    /// `.f64`
    F64(f64),
}

/// Lays out arguments as a kernel expects them.
///
/// # Errors
///
/// If there are more or fewer than parameters, or one has another type.
pub fn arguments(kernel: &Kernel, arguments: &[Argument]) -> Result<Vec<u8>, String> {
    let refuse = |what: String| Err(format!("kernel `{}`: {what}", kernel.name));
    if arguments.len() != kernel.params.len() {
        return refuse(format!("{} arguments for {} parameters", arguments.len(), kernel.params.len()));
    }
    let mut bytes = vec![0; kernel.param_bytes];
    for (at, (argument, param)) in arguments.iter().zip(&kernel.params).enumerate() {
        let (types, value): (&[&str], Vec<u8>) = match argument {
            Argument::U32(x) => (&["u32", "s32", "b32"], x.to_le_bytes().into()),
            Argument::I32(x) => (&["u32", "s32", "b32"], x.to_le_bytes().into()),
            Argument::U64(x) => (&["u64", "s64", "b64"], x.to_le_bytes().into()),
            Argument::F32(x) => (&["f32", "b32"], x.to_le_bytes().into()),
            Argument::F64(x) => (&["f64", "b64"], x.to_le_bytes().into()),
        };
        if !types.contains(&param.ty.as_str()) || value.len() != param.size {
            return refuse(format!("{argument:?} for parameter {at}, which is .{}", param.ty));
        }
        bytes[param.offset..param.offset + param.size].copy_from_slice(&value);
    }
    Ok(bytes)
}
