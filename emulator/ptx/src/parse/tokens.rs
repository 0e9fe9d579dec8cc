//! PTX as words and signs with their lines. Comments are gone.

/// A word or sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) text: String,
    pub(super) line: usize,
}

impl Token {
    pub(super) fn is(&self, text: &str) -> bool {
        self.text == text
    }
}

/// Cuts a text into tokens. A word keeps its dots, so `.visible`, `add.s32` and `%tid.x` are one token each.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut line = 1;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if first.is_whitespace() {
            first.len_utf8()
        } else {
            let length = token_length(rest, first);
            found.push(Token { text: rest[..length].into(), line });
            length
        };
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    found
}

fn token_length(rest: &str, first: char) -> usize {
    let in_word = |c: char| c.is_alphanumeric() || "_.$%".contains(c);
    if first == '"' {
        rest[1..].find('"').map_or(rest.len(), |end| end + 2)
    } else if in_word(first) {
        // `::` joins parts of a modifier, as in `cta::shared`; a single colon ends a label.
        let mut end = 0;
        while let Some(c) = rest[end..].chars().next() {
            let joined = rest[end..].starts_with("::");
            if !in_word(c) && !joined {
                break;
            }
            end += if joined { 2 } else { c.len_utf8() };
        }
        end
    } else {
        first.len_utf8()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_signs_and_lines() {
        let found =
            tokens("// first\n\t@%p1 bra $L;\n/* x\n */ ld.v2.f32 {%f1}, [%rd1+-4];\n$L: .pragma \"no, thing\";");
        let texts: Vec<(&str, usize)> = found.iter().map(|token| (token.text.as_str(), token.line)).collect();
        let expected = [
            ("@", 2),
            ("%p1", 2),
            ("bra", 2),
            ("$L", 2),
            (";", 2),
            ("ld.v2.f32", 4),
            ("{", 4),
            ("%f1", 4),
            ("}", 4),
            (",", 4),
            ("[", 4),
            ("%rd1", 4),
            ("+", 4),
            ("-", 4),
            ("4", 4),
            ("]", 4),
            (";", 4),
            ("$L", 5),
            (":", 5),
            (".pragma", 5),
            ("\"no, thing\"", 5),
            (";", 5),
        ];
        assert_eq!(texts, expected);
    }
}
