//! The grammar of an expression, its limits, and the calls in it.
//!
//! Recursive descent along `Cel.g4`. The depth of the recursion is limited as cel-cpp limits it: each bracket and each
//! `: else` enters the rule `expr` again, and the parser refuses the 34th inside each other. Chains of operators are
//! loops here and recursion there, so their length counts too: as [`Operand::levels`].

use super::operand::{Form, Operand};
use super::token::{Kind, Token};
use super::{Reason, Refusal, functions, messages};

/// cel-cpp's `max_recursion_depth`.
pub(super) const MOST_LEVELS: usize = 32;

const RESERVED: [&str; 17] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "namespace",
    "package",
    "return",
    "var",
    "void",
    "while",
];

pub(super) struct Parser {
    tokens: Vec<Token>,
    /// The index of the next token.
    next: usize,
    /// Of Envoy's version.
    minor: u16,
    /// How many `expr` are open.
    open: usize,
}

type Parsed<T = Operand> = Result<T, Refusal>;

impl Parser {
    pub(super) fn new(tokens: Vec<Token>, minor: u16) -> Self {
        Self {
            tokens,
            next: 0,
            minor,
            open: 0,
        }
    }

    /// Checks the whole.
    pub(super) fn check(mut self) -> Parsed<()> {
        let whole = self.expression()?;
        if self.peek() != &Kind::End {
            return Err(self.error(Reason::Expected("an operator or the end")));
        }
        if whole.levels > MOST_LEVELS {
            return Err(self.error(Reason::TooDeep));
        }
        Ok(())
    }

    fn peek(&self) -> &Kind {
        self.tokens.get(self.next).map_or(&Kind::End, |it| &it.kind)
    }

    fn offset(&self) -> usize {
        self.tokens.get(self.next).map_or(0, |it| it.offset)
    }

    fn error(&self, reason: Reason) -> Refusal {
        let offset = self.offset();
        Refusal { offset, reason }
    }

    fn next_is(&self, symbol: &str) -> bool {
        matches!(self.peek(), Kind::Symbol(it) if *it == symbol)
    }

    fn take(&mut self, symbol: &str) -> bool {
        let is_next = self.next_is(symbol);
        self.next += usize::from(is_next);
        is_next
    }

    fn take_any(&mut self, symbols: &[&str]) -> bool {
        symbols.iter().any(|it| self.take(it))
    }

    fn expect(&mut self, symbol: &str, what: &'static str) -> Parsed<()> {
        let is_next = self.take(symbol);
        is_next
            .then_some(())
            .ok_or_else(|| self.error(Reason::Expected(what)))
    }

    fn take_name(&mut self) -> Option<String> {
        let Kind::Name(name) = self.peek() else {
            return None;
        };
        let name = name.clone();
        self.next += 1;
        Some(name)
    }

    /// `a`, or `a ? b : c`.
    fn expression(&mut self) -> Parsed {
        if self.open > MOST_LEVELS {
            return Err(self.error(Reason::TooDeep));
        }
        self.open += 1;
        let condition = self.any_of()?;
        let whole = if self.take("?") {
            let then = self.any_of()?;
            self.expect(":", "`:` and the value otherwise")?;
            let otherwise = self.expression()?;
            Operand {
                is_bare_conditional: true,
                ..Operand::over(Form::Other, &[&condition, &then, &otherwise])
            }
        } else {
            condition
        };
        self.open -= 1;
        Ok(whole)
    }

    /// `a || b || c`, which cel-cpp balances: its length does not count.
    fn any_of(&mut self) -> Parsed {
        let first = self.all_of()?;
        let mut levels = first.levels;
        let mut is_chain = false;
        while self.take("||") {
            is_chain = true;
            levels = levels.max(self.all_of()?.levels);
        }
        Ok(if is_chain {
            Operand::above(Form::Other, levels)
        } else {
            first
        })
    }

    fn all_of(&mut self) -> Parsed {
        let first = self.relation()?;
        let mut levels = first.levels;
        let mut is_chain = false;
        while self.take("&&") {
            is_chain = true;
            levels = levels.max(self.relation()?.levels);
        }
        Ok(if is_chain {
            Operand::above(Form::Other, levels)
        } else {
            first
        })
    }

    fn relation(&mut self) -> Parsed {
        self.chain(&["==", "!=", "<=", ">=", "<", ">", "in"], Self::sum)
    }

    fn sum(&mut self) -> Parsed {
        self.chain(&["+", "-"], Self::product)
    }

    fn product(&mut self) -> Parsed {
        self.chain(&["*", "/", "%"], Self::unary)
    }

    /// Operands with operators between, nested to the left.
    fn chain(&mut self, operators: &[&str], operand: fn(&mut Self) -> Parsed) -> Parsed {
        let mut whole = operand(self)?;
        while self.take_any(operators) {
            let right = operand(self)?;
            whole = Operand::over(Form::Other, &[&whole, &right]);
        }
        Ok(whole)
    }

    /// `!!a`, `--a` or a member. A single `-` before a number is its sign.
    fn unary(&mut self) -> Parsed {
        for sign in ["!", "-"] {
            let mut count = 0;
            while self.take(sign) {
                count += 1;
            }
            match (sign, count) {
                (_, 0) => {}
                ("-", 1) if matches!(self.peek(), Kind::Int(_) | Kind::Float) => return self.member(true),
                ("-", _) => return Ok(Operand::over(Form::Other, &[&self.member(false)?])),
                // After `!` a number may have a sign.
                (_, _) => {
                    let is_negative = self.take("-");
                    if is_negative && !matches!(self.peek(), Kind::Int(_) | Kind::Float) {
                        return Err(self.error(Reason::Expected("a number after `-`")));
                    }
                    return Ok(Operand::over(Form::Other, &[&self.member(is_negative)?]));
                }
            }
        }
        self.member(false)
    }

    /// A primary, and fields, calls and indexes after it.
    fn member(&mut self, is_negative: bool) -> Parsed {
        let mut whole = self.primary(is_negative)?;
        loop {
            if self.take(".") {
                whole = self.field_or_call(&whole)?;
            } else if self.take("[") {
                if self.next_is("?") {
                    return Err(self.error(Reason::Optional));
                }
                let index = self.expression()?;
                self.expect("]", "`]`")?;
                whole = Operand::over(Form::Other, &[&whole, &index]);
            } else {
                return Ok(whole);
            }
        }
    }

    fn field_or_call(&mut self, target: &Operand) -> Parsed {
        let offset = self.offset();
        if self.next_is("?") {
            return Err(self.error(Reason::Optional));
        }
        let (name, is_quoted) = self.field_name()?;
        if !is_quoted && self.take("(") {
            let arguments = self.arguments()?;
            let call = method(target, &name, &arguments);
            return call.map_err(|reason| Refusal { offset, reason });
        }
        let path = target.path().map(|it| format!("{it}.{name}"));
        Ok(Operand::over(Form::Field { path }, &[target]))
    }

    /// A name, and whether it is in backquotes.
    fn field_name(&mut self) -> Parsed<(String, bool)> {
        let found = match self.peek() {
            Kind::Name(name) => (name.clone(), false),
            Kind::QuotedName(_) if self.minor < 40 => return Err(self.error(Reason::Backquotes)),
            Kind::QuotedName(name) => (name.clone(), true),
            _ => return Err(self.error(Reason::Expected("the name of a field"))),
        };
        self.next += 1;
        Ok(found)
    }

    /// What follows `(`.
    fn arguments(&mut self) -> Parsed<Vec<Operand>> {
        let mut arguments = Vec::new();
        if self.take(")") {
            return Ok(arguments);
        }
        loop {
            arguments.push(self.expression()?);
            if !self.take(",") {
                self.expect(")", "`,` or `)`")?;
                return Ok(arguments);
            }
        }
    }

    fn primary(&mut self, is_negative: bool) -> Parsed {
        let offset = self.offset();
        if is_negative {
            return self.constant(true);
        }
        if self.take("(") {
            let inside = self.expression()?;
            self.expect(")", "`)`")?;
            return Ok(Operand {
                is_bare_conditional: false,
                ..inside
            });
        }
        if self.take("[") {
            return self.entries("]", "`,` or `]`", |it| Ok(it.expression()?.levels_in_list()));
        }
        if self.take("{") {
            return self.entries("}", "`,` or `}`", |it| {
                let key = it.expression()?.levels;
                it.expect(":", "`:` and a value")?;
                Ok(key.max(it.expression()?.levels))
            });
        }
        let has_dot = self.take(".");
        match self.take_name() {
            Some(name) => {
                let name = if has_dot { format!(".{name}") } else { name };
                self.named(name, offset)
            }
            None if has_dot => Err(self.error(Reason::Expected("a name"))),
            None => self.constant(false),
        }
    }

    /// Entries with commas between, and perhaps one behind them. `entry` reads one and returns its levels.
    fn entries(
        &mut self,
        close: &str,
        what: &'static str,
        entry: impl Fn(&mut Self) -> Parsed<usize>,
    ) -> Parsed {
        let mut levels = 0;
        let mut may_follow = !self.take(",");
        while may_follow && !self.next_is(close) {
            if self.next_is("?") {
                return Err(self.error(Reason::Optional));
            }
            levels = levels.max(entry(self)?);
            may_follow = self.take(",");
        }
        self.expect(close, what)?;
        Ok(Operand::above(Form::Other, levels))
    }

    fn constant(&mut self, is_negative: bool) -> Parsed {
        let form = match self.peek() {
            Kind::Int(digits) if is_int(digits, is_negative) => Form::Other,
            Kind::Uint(digits) if magnitude(digits).is_some_and(|it| u64::try_from(it).is_ok()) => {
                Form::Other
            }
            Kind::Int(_) | Kind::Uint(_) => {
                return Err(self.error(Reason::Literal("an integer out of range")));
            }
            Kind::Text => Form::Text,
            Kind::Float | Kind::Bytes | Kind::Constant => Form::Other,
            Kind::Name(_) | Kind::QuotedName(_) | Kind::Symbol(_) | Kind::End => {
                return Err(self.error(Reason::Expected("a value")));
            }
        };
        self.next += 1;
        Ok(Operand::leaf(form))
    }

    /// What starts with a name: a message, a call, or the name alone.
    fn named(&mut self, name: String, offset: usize) -> Parsed {
        let refused = |reason| Refusal { offset, reason };
        if let Some(message) = self.message_name(&name) {
            let fields =
                messages::fields(&message).ok_or_else(|| refused(Reason::Message(message.clone())))?;
            return self.entries("}", "`,` or `}`", |it| it.message_field(&message, fields));
        }
        let word = name.strip_prefix('.').unwrap_or(&name);
        if RESERVED.contains(&word) {
            return Err(refused(Reason::Reserved(word.to_owned())));
        }
        if !self.take("(") {
            return Ok(Operand::leaf(Form::Name(name)));
        }
        let arguments = self.arguments()?;
        function(&name, &arguments).map_err(refused)
    }

    /// The name of a message that starts with `first`, if `.part`s and then `{` follow. Those are taken then.
    fn message_name(&mut self, first: &str) -> Option<String> {
        let mut ahead = self.tokens.get(self.next..)?.iter().map(|it| &it.kind);
        let mut name = first.to_owned();
        let mut taken = 0;
        loop {
            taken += 1;
            match ahead.next()? {
                Kind::Symbol("{") => break,
                Kind::Symbol(".") => {
                    taken += 1;
                    let Kind::Name(part) = ahead.next()? else {
                        return None;
                    };
                    name = format!("{name}.{part}");
                }
                _ => return None,
            }
        }
        self.next += taken;
        Some(name)
    }

    /// `name: value`. Returns the levels of the value.
    fn message_field(&mut self, message: &str, fields: &[&str]) -> Parsed<usize> {
        let offset = self.offset();
        let (field, _) = self.field_name()?;
        if !fields.contains(&field.as_str()) {
            let message = message.to_owned();
            let reason = Reason::Field { message, field };
            return Err(Refusal { offset, reason });
        }
        self.expect(":", "`:` and the value of the field")?;
        Ok(self.expression()?.levels)
    }
}

/// A call without a target.
fn function(name: &str, arguments: &[Operand]) -> Result<Operand, Reason> {
    if let ("has", [argument]) = (name, arguments) {
        return match argument.form {
            Form::Field { .. } => Ok(call(None, arguments)),
            Form::Name(_) | Form::Text | Form::Other => Err(Reason::Has),
        };
    }
    if !functions::is_function(name, arguments.len()) {
        return Err(unknown(name, arguments, false));
    }
    refuse_pattern(name, arguments)?;
    Ok(call(None, arguments))
}

/// A call with a target, which may be the first part of the function's name.
fn method(target: &Operand, name: &str, arguments: &[Operand]) -> Result<Operand, Reason> {
    if functions::is_comprehension(name, arguments.len()) {
        return Err(Reason::Comprehension(name.to_owned()));
    }
    let full = target.path().map(|it| format!("{it}.{name}"));
    let is_function = full.is_some_and(|it| functions::is_function(&it, arguments.len()));
    if !is_function && !functions::is_method(name, arguments.len()) {
        return Err(unknown(name, arguments, true));
    }
    refuse_pattern(name, arguments)?;
    Ok(call(Some(target), arguments))
}

fn refuse_pattern(name: &str, arguments: &[Operand]) -> Result<(), Reason> {
    let is_constant = arguments.last().is_some_and(|it| it.form == Form::Text);
    if name == "matches" && is_constant {
        return Err(Reason::Pattern);
    }
    Ok(())
}

fn call(target: Option<&Operand>, arguments: &[Operand]) -> Operand {
    let arguments = arguments.iter().map(Operand::levels_in_list);
    let all = arguments.chain(target.map(|it| it.levels));
    Operand::above(Form::Other, all.max().unwrap_or(0))
}

fn unknown(name: &str, arguments: &[Operand], is_method: bool) -> Reason {
    Reason::Function {
        name: name.to_owned(),
        arguments: arguments.len(),
        is_method,
    }
}

/// Whether an integer fits into 64 bits.
fn is_int(digits: &str, is_negative: bool) -> bool {
    let magnitude = magnitude(digits).and_then(|it| i128::try_from(it).ok());
    let value = magnitude.map(|it| if is_negative { -it } else { it });
    value.is_some_and(|it| i64::try_from(it).is_ok())
}

/// An integer as written, in decimal or hexadecimal. None if it is far too large.
fn magnitude(digits: &str) -> Option<u128> {
    match digits.strip_prefix("0x") {
        Some(digits) => u128::from_str_radix(digits, 16).ok(),
        None => digits.parse().ok(),
    }
}
