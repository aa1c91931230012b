//! What of a part of an expression the parts around it need to know.

/// A part that has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Operand {
    pub(super) form: Form,
    /// How many levels cel-cpp's parser descends to build it (`ParserVisitor::visit`).
    pub(super) levels: usize,
    /// It is `a ? b : c` without parentheses, which takes one level less in a list of arguments.
    pub(super) is_bare_conditional: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Form {
    Name(String),
    /// `a.b`, with the whole path where it consists of names only.
    Field {
        path: Option<String>,
    },
    /// A string constant.
    Text,
    Other,
}

impl Operand {
    /// A part without parts.
    pub(super) fn leaf(form: Form) -> Self {
        Self {
            form,
            levels: 1,
            is_bare_conditional: false,
        }
    }

    /// A part made of others.
    pub(super) fn over(form: Form, parts: &[&Self]) -> Self {
        Self::above(form, parts.iter().map(|it| it.levels).max().unwrap_or(0))
    }

    /// A part above others that take `levels`.
    pub(super) fn above(form: Form, levels: usize) -> Self {
        Self {
            form,
            levels: levels + 1,
            is_bare_conditional: false,
        }
    }

    /// What it takes as an argument of a call or as an element of a list.
    pub(super) fn levels_in_list(&self) -> usize {
        self.levels - usize::from(self.is_bare_conditional)
    }

    /// The names that it consists of, joined by dots.
    pub(super) fn path(&self) -> Option<&str> {
        match &self.form {
            Form::Name(name) => Some(name),
            Form::Field { path } => path.as_deref(),
            Form::Text | Form::Other => None,
        }
    }
}
