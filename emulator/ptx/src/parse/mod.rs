//! Parser of PTX text. By hand, since the grammar is small and a table-driven parser would hide where a file went wrong.

pub mod syntax;
mod tokens;

use crate::error::{Error, Flaw};
use syntax::{Function, Instruction, Module, Operand, Space, Statement, Variable};
use tokens::{Token, tokens};

/// Reads PTX text; `file` is its name in errors.
///
/// # Errors
///
/// At the first place that is not PTX as NVRTC writes it.
///
/// ```
/// let text = ".version 7.8\n.target sm_50\n.address_size 64\n.visible .entry none() { ret; }";
/// let module = ptx::parse("none.ptx", text)?;
/// assert_eq!((module.version, module.functions[0].name.as_str()), ((7, 8), "none"));
/// # Ok::<(), ptx::Error>(())
/// ```
pub fn parse(file: &str, text: &str) -> Result<Module, Error> {
    let mut parser = Parser { tokens: tokens(text), at: 0 };
    parser.module().map_err(|flaw| flaw.in_file(file))
}

/// Size in bytes of a type, `u64` for example; a predicate has none.
pub(crate) fn size_of(ty: &str) -> Option<usize> {
    match ty {
        "u8" | "s8" | "b8" => Some(1),
        "u16" | "s16" | "b16" => Some(2),
        "u32" | "s32" | "b32" | "f32" => Some(4),
        "u64" | "s64" | "b64" | "f64" => Some(8),
        _ => None,
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

type Parsed<T> = Result<T, Flaw>;

impl Parser {
    fn module(&mut self) -> Parsed<Module> {
        let mut module = Module::default();
        while let Some(token) = self.tokens.get(self.at).cloned() {
            match token.text.as_str() {
                ".version" => {
                    self.at += 1;
                    module.version = version(&self.next()?)?;
                }
                ".target" => {
                    self.at += 1;
                    module.target = self.next()?.text;
                    while self.take(",") {
                        self.at += 1;
                    }
                }
                ".address_size" => {
                    self.at += 1;
                    let size = self.next()?;
                    if !size.is("64") {
                        return Err(Flaw::new(
                            size.line,
                            format!("addresses of {} bits; only 64 are known", size.text),
                        ));
                    }
                }
                ".visible" | ".weak" | ".extern" => self.at += 1,
                ".entry" | ".func" => module.functions.extend(self.function()?),
                ".file" => self.skip_line(token.line),
                ";" => self.at += 1,
                _ if space_named(&token.text).is_some() => {
                    let variable = self.variable()?;
                    self.expect(";")?;
                    module.variables.push(variable);
                }
                other => return Err(Flaw::new(token.line, format!("`{other}` outside a function"))),
            }
        }
        if module.version == (0, 0) {
            return Err(Flaw::new(1, "no `.version`: this is not PTX"));
        }
        Ok(module)
    }

    /// A function with its body; `None` for a declaration.
    fn function(&mut self) -> Parsed<Option<Function>> {
        let keyword = self.next()?;
        let returns = if self.peek("(") { self.parameters()? } else { Vec::new() };
        let name = self.next()?;
        let params = if self.peek("(") { self.parameters()? } else { Vec::new() };
        // Performance directives (`.maxntid 256, 1, 1`) end where the body begins.
        while !self.peek("{") && !self.peek(";") {
            self.next()?;
        }
        if self.take(";") {
            return Ok(None);
        }
        self.expect("{")?;
        let body = self.body()?;
        Ok(Some(Function { name: name.text, entry: keyword.is(".entry"), params, returns, body, line: name.line }))
    }

    fn parameters(&mut self) -> Parsed<Vec<Variable>> {
        self.expect("(")?;
        let mut params = Vec::new();
        while !self.take(")") {
            params.push(self.variable()?);
            self.take(",");
        }
        Ok(params)
    }

    /// `.shared .align 4 .b8 name[132] = {1, 2}`
    fn variable(&mut self) -> Parsed<Variable> {
        let first = self.next()?;
        let space = space_named(&first.text)
            .ok_or_else(|| Flaw::new(first.line, format!("`{}` is no state space", first.text)))?;
        let mut align = None;
        if self.take(".align") {
            let number = self.next()?;
            align = Some(integer(&number)? as usize);
        }
        let ty = self.next()?;
        // `.param .u64 .ptr .global .align 4 name` says what a pointer points to; nothing depends on it.
        while self.peek(".ptr")
            || self.peek(".align")
            || self.tokens.get(self.at).is_some_and(|t| space_named(&t.text).is_some())
        {
            if self.next()?.is(".align") {
                self.next()?;
            }
        }
        let ty_name = ty.text.trim_start_matches('.').to_string();
        let size =
            size_of(&ty_name).ok_or_else(|| Flaw::new(ty.line, format!("`{}` is no type of a variable", ty.text)))?;
        let name = self.next()?;
        let mut count = 1;
        while self.take("[") {
            if self.take("]") {
                count = 0;
            } else {
                let number = self.next()?;
                count *= integer(&number)? as usize;
                self.expect("]")?;
            }
        }
        let init = if self.take("=") { self.initial_values(size)? } else { Vec::new() };
        Ok(Variable {
            name: name.text,
            space,
            ty: ty_name,
            size: size * count,
            align: align.unwrap_or(size),
            init,
            line: name.line,
        })
    }

    fn initial_values(&mut self, size: usize) -> Parsed<Vec<u8>> {
        let mut bytes = Vec::new();
        let braces = self.take("{");
        loop {
            let negative = self.take("-");
            let token = self.next()?;
            let number = integer(&token)?;
            let number = if negative { number.wrapping_neg() } else { number };
            bytes.extend_from_slice(&number.to_le_bytes()[..size]);
            if !self.take(",") {
                break;
            }
        }
        if braces {
            self.expect("}")?;
        }
        Ok(bytes)
    }

    fn body(&mut self) -> Parsed<Vec<Statement>> {
        let mut body = Vec::new();
        let mut depth = 0;
        loop {
            let token = self.next()?;
            match token.text.as_str() {
                "{" => {
                    depth += 1;
                    body.push(Statement::Open);
                }
                "}" if depth == 0 => return Ok(body),
                "}" => {
                    depth -= 1;
                    body.push(Statement::Close);
                }
                ";" => {}
                ".reg" => body.push(Statement::Registers { names: self.registers()? }),
                ".loc" | ".file" => self.skip_line(token.line),
                ".pragma" => {
                    self.next()?;
                    self.expect(";")?;
                }
                text if space_named(text).is_some() => {
                    self.at -= 1;
                    let variable = self.variable()?;
                    self.expect(";")?;
                    body.push(Statement::Variable(variable));
                }
                text if text.starts_with('.') => {
                    return Err(Flaw::new(token.line, format!("unknown directive `{text}`")));
                }
                _ if self.take(":") => body.push(Statement::Label(token.text)),
                _ => {
                    self.at -= 1;
                    body.push(Statement::Instruction(self.instruction()?));
                }
            }
        }
    }

    fn registers(&mut self) -> Parsed<Vec<String>> {
        self.next()?; // the type: registers hold bits
        let mut names = Vec::new();
        loop {
            let name = self.next()?.text;
            if self.take("<") {
                let count = self.next()?;
                names.extend((0..integer(&count)?).map(|number| format!("{name}{number}")));
                self.expect(">")?;
            } else {
                names.push(name);
            }
            if self.take(";") {
                return Ok(names);
            }
            self.expect(",")?;
        }
    }

    fn instruction(&mut self) -> Parsed<Instruction> {
        let guard = if self.take("@") {
            let negated = self.take("!");
            Some((self.next()?.text, negated))
        } else {
            None
        };
        let opcode = self.next()?;
        let mut operands = Vec::new();
        while !self.take(";") {
            operands.push(self.operand()?);
            if !self.take(",") {
                self.expect(";")?;
                break;
            }
        }
        let parts = opcode.text.split('.').map(String::from).collect();
        Ok(Instruction { guard, opcode: parts, operands, line: opcode.line })
    }

    fn operand(&mut self) -> Parsed<Operand> {
        let token = self.next()?;
        match token.text.as_str() {
            "[" => {
                let base = self.next()?;
                let mut offset = 0;
                if self.take("+") {
                    let negative = self.take("-");
                    let number = self.next()?;
                    let number = integer(&number)? as i64;
                    offset = if negative { -number } else { number };
                }
                self.expect("]")?;
                Ok(Operand::Address(base.text, offset))
            }
            "{" => {
                let mut parts = Vec::new();
                while !self.take("}") {
                    parts.push(self.operand()?);
                    self.take(",");
                }
                Ok(Operand::Vector(parts))
            }
            "(" => {
                let mut names = Vec::new();
                while !self.take(")") {
                    names.push(self.next()?.text);
                    self.take(",");
                }
                Ok(Operand::List(names))
            }
            "!" => Ok(Operand::Not(self.next()?.text)),
            "-" => {
                let number = self.next()?;
                Ok(Operand::Bits(integer(&number)?.wrapping_neg()))
            }
            text if text.starts_with(|c: char| c.is_ascii_digit()) => Ok(Operand::Bits(integer(&token)?)),
            _ if self.take("|") => Ok(Operand::Pair(token.text, self.next()?.text)),
            _ => Ok(Operand::Name(token.text)),
        }
    }

    fn peek(&self, text: &str) -> bool {
        self.tokens.get(self.at).is_some_and(|token| token.is(text))
    }

    fn take(&mut self, text: &str) -> bool {
        let found = self.peek(text);
        self.at += usize::from(found);
        found
    }

    fn next(&mut self) -> Parsed<Token> {
        let last = self.tokens.last().map_or(1, |token| token.line);
        let token = self.tokens.get(self.at).cloned().ok_or_else(|| Flaw::new(last, "the file ends too early"))?;
        self.at += 1;
        Ok(token)
    }

    fn expect(&mut self, text: &str) -> Parsed<()> {
        let token = self.next()?;
        if token.is(text) {
            Ok(())
        } else {
            Err(Flaw::new(token.line, format!("`{}` instead of `{text}`", token.text)))
        }
    }

    fn skip_line(&mut self, line: usize) {
        while self.tokens.get(self.at).is_some_and(|token| token.line == line) {
            self.at += 1;
        }
    }
}

fn space_named(text: &str) -> Option<Space> {
    match text {
        ".global" => Some(Space::Global),
        ".const" => Some(Space::Const),
        ".shared" => Some(Space::Shared),
        ".local" => Some(Space::Local),
        ".param" => Some(Space::Param),
        _ => None,
    }
}

fn version(token: &Token) -> Parsed<(u32, u32)> {
    let parts = token.text.split_once('.').and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
    parts.ok_or_else(|| Flaw::new(token.line, format!("`{}` is no version", token.text)))
}

/// Integers in all bases; `0f3F800000` and `0d...` as their bits.
fn integer(token: &Token) -> Parsed<u64> {
    let text = token.text.trim_end_matches('U');
    let lower = text.to_ascii_lowercase();
    let prefixed = |prefix: &str, base| lower.strip_prefix(prefix).map(|digits| u64::from_str_radix(digits, base));
    let parsed = prefixed("0x", 16)
        .or_else(|| prefixed("0f", 16))
        .or_else(|| prefixed("0d", 16))
        .or_else(|| prefixed("0b", 2))
        .unwrap_or_else(|| text.parse());
    parsed.map_err(|_| Flaw::new(token.line, format!("`{}` is no number", token.text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instructions(body: &str) -> Vec<Instruction> {
        let text = format!(".version 7.8\n.target sm_50\n.address_size 64\n.visible .entry k() {{\n{body}\n}}");
        let module = parse("k.ptx", &text).unwrap();
        let of = |statement: &Statement| match statement {
            Statement::Instruction(instruction) => Some(instruction.clone()),
            _ => None,
        };
        module.functions[0].body.iter().filter_map(of).collect()
    }

    #[test]
    fn operands() {
        let found =
            instructions("@!%p1 ld.global.v2.f32 {%f1, %f2}, [%rd1+-8];\nsetp.lt.s32 %p1|%p2, -3, 0f3F800000, !%p3;");
        assert_eq!(found[0].guard, Some(("%p1".into(), true)));
        assert_eq!(found[0].opcode, ["ld", "global", "v2", "f32"]);
        let name = |text: &str| Operand::Name(text.into());
        assert_eq!(
            found[0].operands,
            [Operand::Vector(vec![name("%f1"), name("%f2")]), Operand::Address("%rd1".into(), -8)]
        );
        let expected = [
            Operand::Pair("%p1".into(), "%p2".into()),
            Operand::Bits(-3_i64 as u64),
            Operand::Bits(0x3f80_0000),
            Operand::Not("%p3".into()),
        ];
        assert_eq!((found[1].operands.as_slice(), found[1].line), (expected.as_slice(), 6));
    }

    #[test]
    fn variables() {
        let text = ".version 7.8\n.const .align 4 .b8 t[8] = {1, 2, -1};\n.extern .shared .align 16 .b8 d[];\n\
                    .visible .entry k(.param .u64 .ptr .global .align 4 a, .param .align 4 .b8 s[36])\n.maxntid 64, 1, 1\n\
                    { .local .align 8 .b8 depot[16]; .reg .b32 %r<3>, %x; ret; }";
        let module = parse("v.ptx", text).unwrap();
        let [table, dynamic] = &module.variables[..] else { panic!("two variables") };
        assert_eq!((table.size, table.align, &table.init[..]), (8, 4, &[1, 2, 255][..]));
        assert_eq!((dynamic.size, dynamic.align, dynamic.space), (0, 16, Space::Shared));
        let params: Vec<_> = module.functions[0].params.iter().map(|p| (p.name.as_str(), p.size, p.align)).collect();
        assert_eq!(params, [("a", 8, 8), ("s", 36, 4)]);
    }

    #[test]
    fn errors_have_a_line() {
        let error = |text: &str| parse("x.ptx", text).unwrap_err().to_string();
        assert_eq!(error("hello"), "x.ptx:1: `hello` outside a function");
        assert_eq!(error(""), "x.ptx:1: no `.version`: this is not PTX");
        assert_eq!(error(".version 7.8\n.visible .entry k() {\nadd.s32 %r1"), "x.ptx:3: the file ends too early");
        assert_eq!(error(".version 7.8\n.entry k() { .reg .b32 %r<x>; }"), "x.ptx:2: `x` is no number");
    }
}
