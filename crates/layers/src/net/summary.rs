//! The table of a net's layers that people look at first when a net does not do what they think.

use super::{Fused, NamedBlob, Net, Step};
use std::{collections::HashSet, fmt, sync::Arc};

/// A net's layers with shapes, parameters and cost; prints as a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// The net's name.
    pub net: String,
    /// The backend in words.
    pub backend: String,
    /// One row for each layer, in order of computation.
    pub rows: Vec<SummaryRow>,
    /// Elements of all parameters, shared ones counted once.
    pub parameters: usize,
    /// Floating point operations of one forward pass.
    pub flops: f64,
    /// Bytes of all blobs, parameters and gradients; a backend's workspace not counted.
    pub bytes: usize,
    /// The same if no blobs shared memory.
    pub bytes_without_reuse: usize,
}

/// One layer in a [`Summary`].
#[derive(Debug, Clone, PartialEq)]
pub struct SummaryRow {
    /// The layer's name.
    pub layer: String,
    /// The layer's kind.
    pub kind: &'static str,
    /// The tops with their shapes, e.g. `conv1 64x20x24x24`.
    pub outputs: String,
    /// Bytes that the tops and their gradients take, each for itself.
    pub bytes: usize,
    /// Elements of the layer's parameters, shared ones included.
    pub parameters: usize,
    /// Floating point operations of one forward pass.
    pub flops: f64,
    /// The algorithm in use, where there is a choice; `within conv1` for a layer that is computed together with another.
    pub algorithm: String,
}

impl Net {
    /// A table of the layers: shapes, parameters, MFLOP of a forward pass, algorithms, and totals.
    pub fn summary(&self) -> Summary {
        let rows: Vec<SummaryRow> = self.steps.iter().flat_map(|step| self.rows(step)).collect();
        Summary {
            net: self.name.clone(),
            backend: format!("{}, {}", self.backend.describe(), self.dtype),
            parameters: self.params.iter().map(|param| param.data().shape().len()).sum(),
            flops: rows.iter().map(|row| row.flops).sum(),
            bytes: self.bytes(),
            bytes_without_reuse: self.bytes() + self.saved,
            rows,
        }
    }

    /// A row for the layer of a step, and one for the layer that is computed with it.
    fn rows(&self, step: &Step) -> impl Iterator<Item = SummaryRow> {
        let output = |&top: &usize| format!("{} {}", self.blobs[top].name, self.blobs[top].blob.data.shape());
        let outputs = step.tops.iter().map(output).collect::<Vec<_>>().join(", ");
        let bytes = step.tops.iter().map(|&top| self.bytes_of(&self.blobs[top])).sum();
        let hidden = |fused: &Fused| format!("{} {}", step.layer.layer().wiring().tops.join(", "), fused.shape);
        let first = SummaryRow {
            layer: step.name().to_owned(),
            kind: step.kind(),
            outputs: step.fused.as_ref().map_or_else(|| outputs.clone(), hidden),
            bytes: if step.fused.is_some() { 0 } else { bytes },
            parameters: step.params.iter().map(|param| param.data().shape().len()).sum(),
            flops: step.state.flops(),
            algorithm: step.state.algorithm().unwrap_or_default().to_owned(),
        };
        let second = step.fused.as_ref().map(|fused| SummaryRow {
            layer: fused.layer.layer().wiring().name.clone(),
            kind: fused.layer.layer().kind(),
            outputs,
            bytes,
            parameters: 0,
            flops: 0.0,
            algorithm: format!("within {}", step.name()),
        });
        std::iter::once(first).chain(second)
    }

    /// What a blob and its gradients take, each for itself.
    fn bytes_of(&self, NamedBlob { blob, shares, .. }: &NamedBlob) -> usize {
        let tensors = std::iter::once(&blob.data).chain(&blob.diff).chain(shares);
        tensors.map(|tensor| self.backend.bytes(tensor.shape(), tensor.dtype(), tensor.role())).sum()
    }

    fn bytes(&self) -> usize {
        let blobs = self
            .blobs
            .iter()
            .flat_map(|named| std::iter::once(&named.blob.data).chain(&named.blob.diff).chain(&named.shares));
        let params = self.params.iter().flat_map(|param| std::iter::once(param.data()).chain(param.diff()));
        let mut seen = HashSet::new();
        blobs
            .chain(params)
            .map(|tensor| tensor.storage())
            .filter(|storage| seen.insert(Arc::as_ptr(storage).cast::<()>()))
            .map(|storage| storage.bytes())
            .sum()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = ["layer", "kind", "output", "MiB", "parameters", "MFLOP", "algorithm"].map(str::to_owned);
        let number = |n: usize| if n == 0 { String::new() } else { thousands(n) };
        let cells = |row: &SummaryRow| {
            let (layer, kind, outputs) = (row.layer.clone(), row.kind.to_owned(), row.outputs.clone());
            let bytes = if row.bytes == 0 { String::new() } else { mebibytes(row.bytes) };
            [layer, kind, outputs, bytes, number(row.parameters), mflop(row.flops), row.algorithm.clone()]
        };
        let total = [
            "total".into(),
            String::new(),
            String::new(),
            mebibytes(self.rows.iter().map(|row| row.bytes).sum()),
            thousands(self.parameters),
            mflop(self.flops),
            String::new(),
        ];
        let rows: Vec<[String; 7]> = self.rows.iter().map(cells).collect();
        let all = || std::iter::once(&header).chain(&rows).chain([&total]);
        let widths: [usize; 7] = std::array::from_fn(|c| all().map(|r| r[c].chars().count()).max().unwrap_or(0));
        let rule = "-".repeat(widths.iter().sum::<usize>() + 2 * (widths.len() - 1));
        writeln!(f, "Net `{}` on {}", self.net, self.backend)?;
        for (i, row) in all().enumerate() {
            if i == 1 || i == rows.len() + 1 {
                writeln!(f, "{rule}")?;
            }
            writeln!(f, "{}", line(row, &widths).trim_end())?;
        }
        let (with, without) = (mebibytes(self.bytes), mebibytes(self.bytes_without_reuse));
        write!(f, "memory of blobs, parameters and gradients: {with} MiB, {without} MiB without reuse")
    }
}

/// Words to the left, numbers to the right.
fn line(row: &[String; 7], widths: &[usize; 7]) -> String {
    let cell = |c: usize| match c {
        3..=5 => format!("{:>1$}", row[c], widths[c]),
        _ => format!("{:<1$}", row[c], widths[c]),
    };
    (0..7).map(cell).collect::<Vec<_>>().join("  ")
}

fn mflop(flops: f64) -> String {
    if flops == 0.0 { String::new() } else { format!("{:.2}", flops / 1e6) }
}

fn mebibytes(bytes: usize) -> String {
    format!("{:.1}", bytes as f64 / f64::from(1 << 20))
}

/// 431080 as `431,080`.
fn thousands(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!([0, 999, 1000, 431_080, 1_234_567].map(thousands), ["0", "999", "1,000", "431,080", "1,234,567"]);
    }
}
