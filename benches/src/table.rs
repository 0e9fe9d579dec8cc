//! Plain tables for a terminal and for Markdown: `| a | b |` reads well as it stands, and pastes into a README.

/// A Markdown table whose columns are lined up; the first `left` columns are words and stand to the left, the others to the
/// right.
pub fn table<const N: usize>(header: [&str; N], left: usize, rows: &[[String; N]]) -> String {
    let header = header.map(str::to_owned);
    let all = || std::iter::once(&header).chain(rows);
    let widths: [usize; N] = std::array::from_fn(|c| all().map(|row| row[c].chars().count()).max().unwrap_or(0).max(3));
    let line = |row: &[String; N]| -> String {
        let cell = |c: usize| {
            if c < left { format!("{:<1$}", row[c], widths[c]) } else { format!("{:>1$}", row[c], widths[c]) }
        };
        format!("| {} |\n", (0..N).map(cell).collect::<Vec<_>>().join(" | "))
    };
    let rule = |c: usize| if c < left { "-".repeat(widths[c]) } else { format!("{}:", "-".repeat(widths[c] - 1)) };
    let rule = format!("| {} |\n", (0..N).map(rule).collect::<Vec<_>>().join(" | "));
    line(&header) + &rule + &rows.iter().map(line).collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows = [["conv1".to_owned(), "0.25".to_owned()], ["é".to_owned(), String::new()]];
        let expected = "| layer |   ms |\n| ----- | ---: |\n| conv1 | 0.25 |\n| é     |      |\n";
        assert_eq!(table(["layer", "ms"], 1, &rows), expected);
    }
}
